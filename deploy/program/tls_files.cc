#include "deploy/program/tls_files.h"

#include <openssl/err.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace carillon::program {
namespace {

absl::Status Unusable(const std::string& file, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", why, ": ", TakeSslError()));
}

absl::StatusOr<SslContextPtr> MakeContext() {
  SslContextPtr context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) {
    return absl::InternalError(absl::StrCat("cannot set up TLS: ", TakeSslError()));
  }
  return context;
}

}  // namespace

std::string TakeSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : absl::StrCat("OpenSSL error ", absl::Hex(code));
}

absl::Status UseKeyPair(const std::string& certificate_file, const std::string& key_file,
                        SSL_CTX* context) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    return Unusable(certificate_file, "not a PEM certificate chain");
  }
  // The second tells a key of another kind, the first whatever else is wrong.
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Unusable(key_file, absl::StrCat("not the PEM private key of ", certificate_file));
  }
  return absl::OkStatus();
}

absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& key_file) {
  if (certificate_file.empty() && key_file.empty()) return absl::OkStatus();
  const absl::StatusOr<SslContextPtr> context = MakeContext();
  if (!context.ok()) return context.status();
  return UseKeyPair(certificate_file, key_file, context->get());
}

absl::Status CheckAuthorities(const std::string& file) {
  if (file.empty()) return absl::OkStatus();
  ERR_clear_error();
  const absl::StatusOr<SslContextPtr> context = MakeContext();
  if (!context.ok()) return context.status();
  if (SSL_CTX_load_verify_locations(context->get(), file.c_str(), nullptr) != 1) {
    return Unusable(file, "not PEM certificates of authorities");
  }
  return absl::OkStatus();
}

}  // namespace carillon::program
