// What somebody is about to do to a path.
#pragma once

namespace srt::platform {

enum class Act {
  kWrite,        // what is there gets other content
  kAttributes,   // what is there gets another mode, or extended attributes
  kTryMode,      // only the owner's execute bit: `git init` learns so whether there are modes
  kMakeFile,     // open(2) of what is not there
  kMakeFolder,   //
  kMakeSymlink,  //
  kMakeOther,    // a FIFO, a device, a socket
  kMakeLink,     // another name of a file that has one
  kLinkFrom,     // the file that gets another name
  kRemove,       //
  kMoveAway,     //
  kMoveHere,     // perhaps in the place of something
};
const char* to_string(Act act);  // as violations name it

bool makes(Act act);            // a name that was not there
bool removes(Act act);          // the name
bool changes_content(Act act);  // for mounts to say, where something may not be read

}  // namespace srt::platform
