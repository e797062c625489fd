#include "platform/linux/broker/act.h"

namespace srt::platform {

const char* to_string(Act act) {
  switch (act) {
    case Act::kWrite: return "write";
    case Act::kAttributes:
    case Act::kTryMode: return "attributes";
    case Act::kMakeFile: return "create";
    case Act::kMakeFolder: return "mkdir";
    case Act::kMakeSymlink: return "symlink";
    case Act::kMakeOther: return "mknod";
    case Act::kMakeLink: return "link";
    case Act::kLinkFrom: return "link-from";
    case Act::kRemove: return "remove";
    case Act::kMoveAway: return "rename-from";
    case Act::kMoveHere: return "rename-to";
  }
  return "write";
}

bool removes(Act act) { return act == Act::kRemove || act == Act::kMoveAway; }

bool changes_content(Act act) {
  return act == Act::kWrite || act == Act::kAttributes || act == Act::kTryMode;
}

bool makes(Act act) {
  switch (act) {
    case Act::kMakeFile:
    case Act::kMakeFolder:
    case Act::kMakeSymlink:
    case Act::kMakeOther:
    case Act::kMakeLink: return true;
    case Act::kWrite:
    case Act::kAttributes:
    case Act::kTryMode:
    case Act::kLinkFrom:
    case Act::kRemove:
    case Act::kMoveAway:
    case Act::kMoveHere: return false;
  }
  return false;
}

}  // namespace srt::platform
