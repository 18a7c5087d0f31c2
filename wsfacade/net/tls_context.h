// The TLS side of a server: certificate, versions, and what keeps a connection small.
#ifndef CARILLON_WSFACADE_NET_TLS_CONTEXT_H_
#define CARILLON_WSFACADE_NET_TLS_CONTEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "deploy/program/tls_files.h"

namespace carillon::facade {

// From a PEM certificate chain and its private key. TLS 1.2 at least, no renegotiation, no tickets
// and no session cache: a resumed handshake saves less than their memory costs. INVALID_ARGUMENT:
// a file is unusable or they do not belong together; the message names it.
absl::StatusOr<program::SslContextPtr> MakeTlsContext(const std::string& certificate_file,
                                                      const std::string& key_file);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_TLS_CONTEXT_H_
