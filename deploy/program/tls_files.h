// Certificates and keys in PEM files, looked at before anything is started with them.
#ifndef CARILLON_PROGRAM_TLS_FILES_H_
#define CARILLON_PROGRAM_TLS_FILES_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace carillon::program {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextDeleter>;

// Has `context` present the certificate chain of one file with the private key of the other.
// INVALID_ARGUMENT: a file is unusable, or they do not belong together; the message names it.
absl::Status UseKeyPair(const std::string& certificate_file, const std::string& key_file,
                        SSL_CTX* context);

// Whether a server or client can be started with them; OK, too, if both names are empty. Errors as
// above.
absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& key_file);

// The same for certificates of authorities that are to be trusted.
absl::Status CheckAuthorities(const std::string& file);

// The oldest error of OpenSSL's queue as text, the queue emptied; "" if there is none.
std::string TakeSslError();

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_TLS_FILES_H_
