// The system calls that a command under `srt` does not get: a deny list, since a command is whatever a
// developer runs. What lets one reach outside of the namespaces, or the kernel's less trodden parts.
