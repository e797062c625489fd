// Linux: glibc's resolver, which keeps its settings for each thread.
#include <resolv.h>

#include "proxy/resolver.h"

namespace srt::proxy {

bool use_search_list(bool use) {
  if (res_init() != 0) return false;  // reads resolv.conf anew
  // The lookup would do that again where nothing is different, and take our difference back.
  _res.options |= RES_NORELOAD;
  if (use) {
    _res.options |= RES_DNSRCH;
  } else {
    _res.options &= ~static_cast<unsigned long>(RES_DNSRCH);
  }
  return true;
}

}  // namespace srt::proxy
