// A certificate for tests, made on the spot.
#ifndef CARILLON_TESTS_UNIT_PROGRAM_TEST_CERTIFICATE_H_
#define CARILLON_TESTS_UNIT_PROGRAM_TEST_CERTIFICATE_H_

#include <string>

namespace carillon::program {

struct TestCertificate {
  // PEM.
  std::string certificate;
  std::string key;
};

// Self-signed, good for an hour.
TestCertificate MakeTestCertificate();

// A key of another kind than theirs, PEM.
std::string MakeEd25519Key();

}  // namespace carillon::program

#endif  // CARILLON_TESTS_UNIT_PROGRAM_TEST_CERTIFICATE_H_
