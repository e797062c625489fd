#include "oci/print.h"

namespace srt::oci {

std::string print(const Spec& spec, Layout layout) { return write_document(spec, layout); }

std::string print(const Process& process, Layout layout) { return write_document(process, layout); }

std::string print(const Resources& resources, Layout layout) {
  return write_document(resources, layout);
}

std::string print(const Seccomp& seccomp, Layout layout) { return write_document(seccomp, layout); }

}  // namespace srt::oci
