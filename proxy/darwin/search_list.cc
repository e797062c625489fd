// Darwin: mDNSResponder completes names without a dot only, unless the administrator chose otherwise.
#include "proxy/resolver.h"

namespace srt::proxy {

bool use_search_list(bool /*use*/) { return true; }

}  // namespace srt::proxy
