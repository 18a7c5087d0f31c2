#include "broker/server_metrics.h"

#include "carillon/wire/error.h"
#include "deploy/program/logging.h"

namespace carillon::broker {
namespace {

using program::ExponentialBounds;
using program::Level;
using program::LimitedLog;

void CollectPublishing(const MetricSources& sources, program::Scrape* scrape) {
  const service::PublishMetrics& publish = *sources.publish;
  scrape->Counter("carillon_broker_events_received_total", "Events in publish requests.",
                  static_cast<double>(publish.events_received));
  scrape->Counter("carillon_broker_events_committed_total", "Events put on disk.",
                  static_cast<double>(publish.events_committed));
  constexpr const char* kRefused = "carillon_broker_events_refused_total";
  constexpr const char* kRefusedHelp = "Events not stored, by reason.";
  scrape->Counter(kRefused, kRefusedHelp, static_cast<double>(publish.events_invalid),
                  {{"reason", "invalid"}});
  scrape->Counter(kRefused, kRefusedHelp, static_cast<double>(publish.events_denied),
                  {{"reason", "denied"}});
  scrape->Counter(kRefused, kRefusedHelp, static_cast<double>(publish.events_not_committed),
                  {{"reason", "not_committed"}});
  scrape->Counter(kRefused, kRefusedHelp, static_cast<double>(publish.events_duplicate),
                  {{"reason", "duplicate"}});
  scrape->Gauge("carillon_broker_publish_streams", "Open publish streams.",
                static_cast<double>(publish.streams));
  scrape->Gauge("carillon_broker_commit_queue_bytes", "Events that await their commit.",
                static_cast<double>(sources.committer->queue_bytes()));
}

void CollectDelivery(const MetricSources& sources, program::Scrape* scrape) {
  const delivery::DispatcherStats& stats = sources.dispatcher->stats();
  const service::DeliveryMetrics& delivery = *sources.delivery;
  scrape->Counter("carillon_broker_events_dispatched_total", "Events matched for live streams.",
                  static_cast<double>(stats.events_dispatched));
  scrape->Counter("carillon_broker_events_delivered_total",
                  "Events handed to streams, once for each stream.",
                  static_cast<double>(delivery.events_delivered));
  scrape->Counter("carillon_broker_messages_delivered_total", "Messages handed to streams.",
                  static_cast<double>(delivery.messages_delivered));
  scrape->Counter("carillon_broker_delivered_bytes_total", "Bytes handed to streams.",
                  static_cast<double>(delivery.bytes_delivered));
  scrape->Gauge("carillon_broker_sessions", "Sessions in force, of streams and of facades' users.",
                static_cast<double>(sources.access->session_count()));
  scrape->Gauge("carillon_broker_facade_sessions", "Sessions that facades opened for their users.",
                static_cast<double>(sources.access->facade_session_count()));
  scrape->Gauge("carillon_broker_streams", "Open Subscribe and Watch streams.",
                static_cast<double>(stats.streams));
  scrape->Gauge("carillon_broker_streams_catching_up", "Streams that read the log.",
                static_cast<double>(stats.streams_catching_up));
  scrape->Gauge("carillon_broker_subscriptions", "Subscriptions on all streams.",
                static_cast<double>(stats.subscriptions));
  scrape->Gauge("carillon_broker_dispatch_queue_bytes", "Committed events that await matching.",
                static_cast<double>(stats.queue_bytes));
  scrape->Gauge("carillon_broker_outbox_bytes", "Events that wait for streams to take them.",
                static_cast<double>(stats.outbox_bytes));
  scrape->Counter("carillon_broker_outbox_overflows_total",
                  "Times that a stream fell too far behind and went back to reading the log.",
                  static_cast<double>(stats.overflows));
  scrape->Counter("carillon_broker_gaps_total", "Times that retention overtook a stream.",
                  static_cast<double>(stats.gaps));
}

void CollectLog(const MetricSources& sources, program::Scrape* scrape) {
  const log::LogBounds bounds = sources.log->bounds();
  scrape->Gauge("carillon_broker_log_first_sequence", "Sequence of the oldest event kept.",
                static_cast<double>(bounds.first_sequence));
  scrape->Gauge("carillon_broker_log_last_sequence", "Sequence of the newest event.",
                static_cast<double>(bounds.last_sequence));
  scrape->Gauge("carillon_broker_log_bytes", "Bytes of the events kept.",
                static_cast<double>(bounds.record_bytes));
}

prometheus::Counter& CommitsBy(const char* thread, program::Metrics* metrics) {
  return metrics->Counter(
      "carillon_broker_commits_total",
      "Group commits, by the thread that made them: the committer's own, or, if "
      "a lone request came, that which read it.",
      {{"thread", thread}});
}

}  // namespace

std::unique_ptr<program::Metrics::Registration> AddBrokerMetrics(const MetricSources& sources,
                                                                 program::Metrics* metrics) {
  return metrics->AddCollector([sources](program::Scrape* scrape) {
    CollectPublishing(sources, scrape);
    CollectDelivery(sources, scrape);
    CollectLog(sources, scrape);
  });
}

CommitReporter::CommitReporter(program::Metrics* metrics)
    : latency_(metrics->Histogram("carillon_broker_commit_seconds",
                                  "Time of one group commit, with its flush to disk.",
                                  ExponentialBounds(0.0001, 2, 16))),
      events_(metrics->Histogram("carillon_broker_commit_events", "Events of one group commit.",
                                 ExponentialBounds(1, 4, 8))),
      failures_(
          metrics->Counter("carillon_broker_commit_failures_total", "Group commits that failed.")),
      by_committer_(CommitsBy("committer", metrics)),
      by_reader_(CommitsBy("reader", metrics)) {}

void CommitReporter::OnCommit(const log::CommitReport& report) {
  (report.thread == log::CommitOn::kOwnThread ? by_committer_ : by_reader_).Increment();
  if (report.status.ok()) {
    latency_.Observe(absl::ToDoubleSeconds(report.latency));
    events_.Observe(static_cast<double>(report.events));
    return;
  }
  failures_.Increment();
  static LimitedLog log(1);
  log.Log(Level::kError, "commit failed",
          {{"events", report.events}, {"reason", report.status.message()}});
}

void CommitReporter::OnTrimFailed(const absl::Status& status) {
  static LimitedLog log(1);
  log.Log(Level::kError, "the upkeep of the log has failed", {{"reason", status.message()}});
}

void RefusalLog::OnCallRefused(const service::RefusedCall& call) {
  const auto info = wire::ErrorInfoOf(call.reason);
  const std::string reason = info.has_value() ? info->reason() : "UNKNOWN";
  metrics_
      ->Counter("carillon_broker_calls_refused_total", "Calls turned away, by reason.",
                {{"reason", reason}})
      .Increment();
  static LimitedLog log(20);
  log.Log(Level::kWarn, "call refused",
          {{"peer", call.peer},
           {"user_peer", call.user_peer},
           {"principal", call.principal},
           {"rpc", call.rpc},
           {"reason", reason},
           {"detail", call.reason.message()}});
}

prometheus::Histogram& DeliveryLatency(program::Metrics* metrics) {
  return metrics->Histogram("carillon_broker_delivery_seconds",
                            "Time from an event's commit to its hand-over to a stream.",
                            ExponentialBounds(0.0001, 2, 16));
}

}  // namespace carillon::broker
