// What several of the validate_*.cc check alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oci/diagnostics.h"
#include "oci/spec.h"

namespace srt::oci {

// Absent and "" are the same to a Go program.
inline bool is_set(const std::optional<std::string>& text) { return text && !text->empty(); }

void check_absolute(const Path& path, const std::string& value, Diagnostics& diagnostics);
void check_all_absolute(const Path& path, const List<std::string>& paths, Diagnostics& diagnostics);
void check_not_empty(const Path& path, const std::string& value, Diagnostics& diagnostics);
// A host name as the kernel takes it: at most 64 bytes (__NEW_UTS_LEN).
void check_uts_name(const Path& path, const std::optional<std::string>& value,
                    Diagnostics& diagnostics);
// Both ends included. The found value is an int64_t or an uint64_t, by its type.
void check_between(const Path& path, const std::optional<int64_t>& value, int64_t min, int64_t max,
                   Diagnostics& diagnostics);
void check_at_most(const Path& path, const std::optional<uint64_t>& value, uint64_t max,
                   Diagnostics& diagnostics);
// setresuid(2), setgroups(2) and chown(2) take the largest number for "leave it as it is": whoever asked for that
// id would go on as root.
void check_id(const Path& path, const std::optional<uint32_t>& id, Diagnostics& diagnostics);
// "0-3,7": what the kernel's bitmap parser is given; the kernel says whether they exist.
void check_cpu_list(const Path& path, const std::optional<std::string>& value,
                    Diagnostics& diagnostics);
// A network interface's name, as dev_valid_name() of the kernel has it.
void check_interface_name(const Path& path, const std::string& value, Diagnostics& diagnostics);

}  // namespace srt::oci
