// The rules of the specification that need no host: what is wrong here is wrong everywhere. Whether
// this host can do it is for the engine to find out.
//
// parse_spec applies them; call them again on a Spec that was changed or built by hand. `path` is
// where the object stands in its document, and the prefix of every pointer that is reported. A
// place that already has a problem is not reported again (Diagnostics::add_new).
//
// An empty string for an optional property counts as an absent one, since Go programs write both.
#pragma once

#include "oci/diagnostics.h"
#include "oci/spec.h"

namespace srt::oci {

void check_spec(const Path& path, const Spec& spec, Diagnostics& diagnostics);
void check_process(const Path& path, const Process& process, Diagnostics& diagnostics);
void check_linux(const Path& path, const Linux& os, Diagnostics& diagnostics);
void check_resources(const Path& path, const Resources& resources, Diagnostics& diagnostics);
void check_seccomp(const Path& path, const Seccomp& seccomp, Diagnostics& diagnostics);
// One id map: of a user namespace or of a mount.
void check_id_mappings(const Path& path, const List<IdMapping>& mappings, Diagnostics& diagnostics);

}  // namespace srt::oci
