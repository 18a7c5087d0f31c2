#include "tests/unit/program/test_certificate.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "absl/base/internal/raw_logging.h"

namespace carillon::program {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;

void Require(bool good) { ABSL_RAW_CHECK(good, "OpenSSL cannot make a certificate"); }

template <typename Write>
std::string Pem(Write write) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  Require(write(memory.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string KeyPem(EVP_PKEY* key) {
  return Pem([key](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace

std::string MakeEd25519Key() {
  return KeyPem(KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")).get());
}

TestCertificate MakeTestCertificate() {
  constexpr long kSeconds = 3600;
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  X509* const x = certificate.get();
  X509_NAME* const name = X509_get_subject_name(x);
  const auto* const common_name = reinterpret_cast<const unsigned char*>("localhost");
  Require(X509_set_version(x, X509_VERSION_3) == 1);
  Require(ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
  Require(X509_gmtime_adj(X509_getm_notBefore(x), 0) != nullptr);
  Require(X509_gmtime_adj(X509_getm_notAfter(x), kSeconds) != nullptr);
  Require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1);
  Require(X509_set_issuer_name(x, name) == 1);
  Require(X509_set_pubkey(x, key.get()) == 1);
  Require(X509_sign(x, key.get(), EVP_sha256()) > 0);
  return {.certificate = Pem([x](BIO* out) { return PEM_write_bio_X509(out, x); }),
          .key = KeyPem(key.get())};
}

}  // namespace carillon::program
