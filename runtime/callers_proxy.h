// HTTP_PROXY, HTTPS_PROXY and NO_PROXY of whoever calls `srt`: where only a proxy leads out, the guard
// goes through it too, as if parentProxy named it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proxy/policy.h"

namespace srt::runtime {

// Fills in what no document has said. Notes tell of what cannot be used; they never quote a value, which
// may hold a password.
void use_callers_proxy(const std::map<std::string, std::string>& environment,
                       proxy::EgressPolicy& policy, std::vector<std::string>& notes);

// Of the caller's environment: what use_callers_proxy() looks at.
bool is_proxy_variable(const std::string& name);

}  // namespace srt::runtime
