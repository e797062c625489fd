// Any bytes as a query: what is answered is small, an answer, and about that question.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/dns_message.h"
#include "stop.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace srt::proxy;  // NOLINT
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const auto query = parse_query(message);
  if (!query) return 0;
  const DnsQuestion& question = query->question;
  if (question.wire_question.size() > 255 + 4) stop("a long question", message);
  if (!query->error && question.klass != 1) stop("a class that is not IN", message);
  for (const bool denied : {false, true}) {
    const DnsCode code = query->error.value_or(denied ? DnsCode::kNoSuchName : DnsCode::kNoError);
    const std::string answer =
        print_answer(question, code, {IpAddress::v4(0xc6120001), IpAddress()}, 60,
                     denied ? std::string_view(message) : std::string_view());
    if (answer.size() > 512) stop("a long answer", message);
    if (answer.substr(0, 2) != message.substr(0, 2)) stop("another id", message);
    if (answer.compare(12, question.wire_question.size(), question.wire_question) != 0)
      stop("another question", message);
    if (parse_query(answer)) stop("an answer that is a query", message);
  }
  return 0;
}
