#include "runtime/mac_settings.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace srt;           // NOLINT: a test
using namespace srt::runtime;  // NOLINT

namespace {

PolicyDocument document(PolicyAuthor author, const std::string& members) {
  const auto settings = parse_settings("{" + members + "}", "settings");
  INFO((settings ? std::string() : to_string(settings.error())));
  REQUIRE(settings);
  return {"settings", author, *settings};
}

std::string network(const std::string& services) {
  return R"("network": {"allowedDomains": [], "deniedDomains": [], "allowMachLookup": [)" +
         services + "]}";
}

// A string: g++ 12 warns of ghosts where one is made in the middle of a sum (GCC PR 105651).
const std::string kFlags =
    R"("allowAppleEvents": true, "allowPty": true, "enableWeakerNetworkIsolation": true)";

}  // namespace

TEST_CASE("nobody says anything: no services, events, terminals") {
  CHECK(merge_mac_settings({}) == MacSettings{});
  CHECK(merge_mac_settings({document(PolicyAuthor::kUser, "")}) == MacSettings{});
}

TEST_CASE("the user's documents open, the last one stands") {
  const MacSettings merged = merge_mac_settings(
      {document(PolicyAuthor::kUser, kFlags + "," + network("\"com.a\"")),
       document(PolicyAuthor::kUser, "\"allowPty\": false," + network("\"com.b.*\""))});
  CHECK(merged == MacSettings{{"com.a", "com.b.*"}, true, true, false});
}

TEST_CASE("what the operator does not open stays closed") {
  const PolicyDocument user =
      document(PolicyAuthor::kUser,
               kFlags + "," + network(R"("com.a", "com.b.x", "com.b.*", "com.bb", "com.*")"));
  CHECK(merge_mac_settings({document(PolicyAuthor::kOperator, network("")), user}) ==
        MacSettings{});
  const MacSettings within = merge_mac_settings(
      {document(PolicyAuthor::kOperator, R"("allowAppleEvents": true,)" + network(R"("com.b.*")")),
       user});
  CHECK(within == MacSettings{{"com.b.x", "com.b.*"}, true, false, false});
}

TEST_CASE("a project's settings open nothing, and may close") {
  const PolicyDocument project =
      document(PolicyAuthor::kProject, kFlags + "," + network("\"com.a\""));
  CHECK(merge_mac_settings({project}) == MacSettings{});
  const MacSettings closed =
      merge_mac_settings({document(PolicyAuthor::kUser, kFlags),
                          document(PolicyAuthor::kProject, "\"allowAppleEvents\": false")});
  CHECK(closed == MacSettings{{}, false, true, true});
}
