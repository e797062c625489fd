// The egress listeners: made in the container's network namespace, served outside of it.
#pragma once

#include "platform/linux/init/plan.h"

namespace srt::init {

// Makes every address of this network namespace local, leads all TCP ports to our listeners, and sends
// the listeners to srt-monitor. After bwrap's namespaces are joined, while CAP_NET_ADMIN is there.
void open_egress(const Egress<Viewed>& egress, int monitor);

// Waits until srt-monitor serves them.
void await_guard(const Egress<Viewed>& egress, int monitor);

// An interface that a hook moved in would be a way round the guard: refused, after all hooks.
void refuse_interfaces(const Egress<Viewed>& egress);

}  // namespace srt::init
