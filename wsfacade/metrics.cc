#include "wsfacade/metrics.h"

#include <string>
#include <utility>

namespace carillon::facade {
namespace {

// The sum of one count over all threads.
template <typename Get>
double Sum(const std::vector<IoThread*>& threads, Get get) {
  int64_t sum = 0;
  for (const IoThread* thread : threads) sum += get(*thread);
  return static_cast<double>(sum);
}

void CollectNet(const MetricSources& sources, program::Scrape* scrape) {
  const auto sum = [&](ThreadCount NetCounts::*count) {
    return Sum(sources.threads, [&](const IoThread& t) { return (t.counts.*count).Get(); });
  };
  scrape->Gauge("carillon_wsfacade_connections", "Open connections, websockets or not.",
                Sum(sources.threads, [](const IoThread& t) { return t.connection_count(); }));
  scrape->Counter("carillon_wsfacade_connections_accepted_total", "Connections accepted.",
                  static_cast<double>(sources.listener->accepted()));
  scrape->Counter("carillon_wsfacade_connections_refused_total",
                  "Connections refused because of connections-max.",
                  static_cast<double>(sources.listener->refused()));
  scrape->Counter("carillon_wsfacade_handshakes_failed_total", "TLS handshakes that failed.",
                  sum(&NetCounts::handshakes_failed));
  scrape->Counter("carillon_wsfacade_received_bytes_total", "Bytes received, inside TLS.",
                  sum(&NetCounts::bytes_received));
  scrape->Counter("carillon_wsfacade_sent_bytes_total", "Bytes sent, inside TLS.",
                  sum(&NetCounts::bytes_sent));
  scrape->Counter("carillon_wsfacade_writes_total", "Writes to sockets; with TLS, records.",
                  sum(&NetCounts::writes));
  scrape->Gauge("carillon_wsfacade_outbox_bytes", "Bytes that wait for clients to read them.",
                sum(&NetCounts::outbox_bytes));
}

void CollectHub(const MetricSources& sources, program::Scrape* scrape) {
  const auto sum = [&](ThreadCount FanOut::Counts::*count) {
    return Sum(sources.threads, [&](const IoThread& t) {
      return (sources.hub->fan_out(t.index()).counts.*count).Get();
    });
  };
  scrape->Gauge("carillon_wsfacade_broker_connected", "1: connected to the broker.",
                sources.hub->connected() ? 1 : 0);
  scrape->Gauge("carillon_wsfacade_websockets", "Open websockets.",
                static_cast<double>(sources.hub->session_count()));
  scrape->Gauge("carillon_wsfacade_registrations", "Registrations of all websockets.",
                sum(&FanOut::Counts::registrations));
  scrape->Gauge("carillon_wsfacade_websockets_lagging",
                "Websockets that have fallen behind and are caught up from the broker's log.",
                sum(&FanOut::Counts::lagging));
  scrape->Counter("carillon_wsfacade_replays_started_total",
                  "Stretches of the broker's log that were asked for to catch websockets up.",
                  static_cast<double>(sources.hub->replays().started()));
  scrape->Gauge("carillon_wsfacade_upstream_subscriptions",
                "Subscriptions at the broker: registrations with equal filter and scope share one.",
                static_cast<double>(sources.hub->upstream_count()));
  scrape->Counter("carillon_wsfacade_events_received_total", "Events received from the broker.",
                  static_cast<double>(sources.hub->events_received()));
  scrape->Counter("carillon_wsfacade_deliveries_total", "Events queued for websockets.",
                  sum(&FanOut::Counts::deliveries));
  scrape->Counter("carillon_wsfacade_delivered_bytes_total", "Bytes of those events' frames.",
                  sum(&FanOut::Counts::delivered_bytes));
}

void CollectEnds(const MetricSources& sources, program::Scrape* scrape) {
  for (int i = 0; i < kCloseReasonCount; ++i) {
    const CloseReason reason = static_cast<CloseReason>(i);
    scrape->Counter("carillon_wsfacade_websockets_closed_total", "Websockets closed, by reason.",
                    static_cast<double>(sources.closes->Get(reason)),
                    {{"reason", std::string(CloseReasonName(reason))}});
  }
  for (int code = 0; code < HttpCounts::kCodes; ++code) {
    const int64_t count = sources.http->Get(code);
    if (count == 0) continue;
    scrape->Counter("carillon_wsfacade_http_responses_total",
                    "HTTP responses, by status code; 101 is a new websocket.",
                    static_cast<double>(count), {{"code", std::to_string(code)}});
  }
}

}  // namespace

std::unique_ptr<program::Metrics::Registration> RegisterMetrics(program::Metrics* metrics,
                                                                MetricSources sources) {
  return metrics->AddCollector([sources = std::move(sources)](program::Scrape* scrape) {
    CollectNet(sources, scrape);
    CollectHub(sources, scrape);
    CollectEnds(sources, scrape);
  });
}

}  // namespace carillon::facade
