"""System calls that are refused, also by other numbers and other architectures."""

import platform

from suite import suite
from workplace import filesystem

# Calls by number, in a child each: it says the result, errno, or that a signal ended it.
_CALLER = r"""
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(name, number, *args):
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_ulong(a) for a in args])
        os.write(w, f"{result} {ctypes.get_errno()}".encode())
        os._exit(0)
    os.close(w)
    text = os.read(r, 100).decode()
    os.close(r)
    _, status = os.waitpid(pid, 0)
    print(name, text or f"killed {os.WTERMSIG(status) if os.WIFSIGNALED(status) else status}")
"""
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97


def _calls(place, calls: str, **keywords) -> dict:
    if platform.machine() != "x86_64":
        place.skip("the numbers are those of x86_64")
    outcome = place.python(_CALLER + calls, **keywords)
    place.check(outcome.ok, outcome)
    return {line.split()[0]: line.split()[1:] for line in outcome.out.splitlines()}


def _refused(place, seen: dict, *, errors=(_EPERM, _ENOSYS)) -> None:
    place.check(seen, "nothing was called")
    for name, result in seen.items():
        good = result[0] == "killed" or (result[0] == "-1" and int(result[1]) in errors)
        place.check(good, f"{name}: {result}")


@suite.case()
def dangerous_calls_are_refused(place):
    _refused(
        place,
        _calls(
            place,
            """
call('io_uring_setup', 425, 8, bytes(120))
call('bpf', 321, 0, bytes(64), 64)
call('perf_event_open', 298, bytes(112), 0, 2**64-1, 2**64-1, 0)
call('userfaultfd', 323, 1)
call('keyctl', 250, 0, 2**64-3, 1)
call('add_key', 248, b'user', b'x', b'y', 1, 2**64-3)
call('request_key', 249, b'user', b'x', 0, 0)
call('open_by_handle_at', 304, 3, bytes(64), 0)
call('kexec_load', 246, 0, 0, 0, 0)
call('init_module', 175, bytes(4), 4, b'')
call('pidfd_getfd', 438, 0, 0, 0)
call('fanotify_init', 300, 0, 0)
""",
        ),
    )


@suite.case()
def namespaces_and_mounts_are_refused(place):
    _refused(
        place,
        _calls(
            place,
            """
for name, flag in (('user', 0x10000000), ('mnt', 0x20000), ('pid', 0x20000000), ('net', 0x40000000), ('time', 0x80)):
    call('unshare_'+name, 272, flag)
call('unshare_high', 272, 0x10000000 | 1 << 40)
call('clone_user', 56, 0x10000000 | 17, 0, 0, 0, 0)
call('clone3', 435, (0x10000000).to_bytes(8, 'little') + bytes(80), 88)
call('mount', 165, b'x', b'/tmp', b'tmpfs', 0, 0)
call('umount2', 166, b'/proc', 2)
call('pivot_root', 155, b'.', b'.')
call('chroot', 161, b'/')
call('setns', 308, os.open('/proc/self/ns/user', 0), 0)
call('open_tree', 428, 2**64-100, b'/', 1)
call('fsopen', 430, b'tmpfs', 0)
call('move_mount', 429, 0, b'', 0, b'', 0)
call('mount_setattr', 442, 2**64-100, b'/', 0, bytes(32), 32)
""",
        ),
        errors=(_EPERM, _ENOSYS, 22),
    )


@suite.case()
def nested_user_namespaces_can_be_allowed(place):
    place.settings({"allowNestedUserNamespaces": True})
    # Without CAP_SETFCAP nobody may map root: there the new user stays nobody.
    words = ["--map-root-user", "--mount"] if place.rootless else []
    outcome = place.srt("unshare", "--user", *words, "true")
    place.check(outcome.ok or "No space" in outcome.err, outcome)


@suite.case(rootful=False)
def a_sandbox_inside_writes_where_it_may(place):
    """With allowNestedUserNamespaces: unshare and bwrap, with mounts of their own."""
    place.needs("bwrap")
    (place.project / "kept").write_text("kept\n")
    place.settings(
        {
            "allowNestedUserNamespaces": True,
            "filesystem": filesystem(write=["."], deny_write=["kept"]),
        }
    )
    outcome = place.sh(
        "unshare -Urm sh -c 'touch one && mount -t tmpfs t /mnt && touch /mnt/x && mkdir folder && mv one folder/two';"
        " bwrap --bind / / --dev /dev --proc /proc sh -c 'echo in > three';"
        " bwrap --ro-bind / / touch four; bwrap --bind / / sh -c 'echo x > kept; touch ../above'; id -u"
    )
    if "No space" in outcome.err or "Resource" in outcome.err:
        place.skip("no more user namespaces here")
    place.equal(place.names(), ["folder", "folder/two", "kept", "three"], str(outcome))
    place.equal((place.project / "kept").read_text(), "kept\n", str(outcome))
    place.check(not (place.work / "above").exists(), outcome)


@suite.case()
def without_a_namespace_of_its_own_a_nested_command_is_held_to_protected_names(place):
    place.settings({"allowNestedUserNamespaces": True, "filesystem": filesystem(write=["."])})
    outcome = place.sh("echo x > .bashrc; mkdir .vscode; touch fine")
    place.equal(place.names(), ["fine"], str(outcome))


@suite.case()
def families_that_no_network_namespace_scopes_are_refused(place):
    seen = _calls(
        place,
        """
for name, family, kind in (('vsock', 40, 1), ('bluetooth', 31, 3), ('alg', 38, 5), ('can', 29, 3), ('tipc', 30, 1),
                           ('xdp', 44, 3), ('qipcrtr', 42, 2), ('rds', 21, 5), ('smc', 43, 1), ('key', 15, 3)):
    call(name, 41, family, kind, 0)
call('vsock_high', 41, 40 | 1 << 32, 1, 0)
""",
    )
    _refused(place, seen, errors=(_EPERM, _EAFNOSUPPORT))


@suite.case()
def terminal_injection_is_refused(place):
    seen = _calls(
        place, "for c in (0x5412, 0x541c, 0x5412 | 1 << 32): call(f'ioctl_{c:x}', 16, 0, c, b'x')"
    )
    _refused(place, seen, errors=(_EPERM,))


@suite.case()
def x32_calls_are_refused(place):
    bit = 0x40000000
    seen = _calls(
        place,
        f"""
for name, number, args in (('getpid', 39, ()), ('socket', 41, (1, 1, 0)), ('unshare', 272, (0x10000000,)), ('mount', 165, (b'x', b'/tmp', b'tmpfs', 0, 0)),
                           ('ioctl', 514, (0, 0x5412, b'x')), ('ptrace', 521, (16, 1, 0, 0))):
    call(name, number | {bit}, *args)
""",
    )
    _refused(place, seen)


@suite.case()
def calls_of_32_bit_programs_are_refused(place):
    """int 0x80 from a 64-bit program, with the numbers of i386."""
    seen = _calls(
        place,
        r"""
import mmap
code = mmap.mmap(-1, 4096, prot=7)
# push rbx; mov eax,edi; mov ebx,esi; mov ecx,edx; mov edx,0; int 0x80; movsxd rax,eax; pop rbx; ret
code.write(bytes.fromhex('53 89f8 89f3 89d1 ba00000000 cd80 4863c0 5b c3'.replace(' ', '')))
enter = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
def old(name, number, a, b):
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        result = enter(number, a, b)
        os.write(w, f'-1 {-result}'.encode() if result < 0 else f'{result} 0'.encode()); os._exit(0)
    os.close(w); text = os.read(r, 100).decode(); os.close(r)
    os.waitpid(pid, 0)
    print(name, text or 'killed')
old('socket_unix', 359, 1, 1); old('socket_vsock', 359, 40, 1); old('unshare', 310, 0x10000000, 0); old('io_uring_setup', 425, 8, 0); old('keyctl', 288, 0, 1)
""",
    )
    _refused(place, seen, errors=(_EPERM, _ENOSYS, _EAFNOSUPPORT))


@suite.case()
def socketcall_of_32_bit_programs_opens_no_unix_socket(place):
    """socketcall(SOCKET) hides the family behind a pointer."""
    if platform.machine() != "x86_64":
        place.skip("socketcall is i386's")
    place.needs("gcc")
    outcome = place.python(
        _CALLER
        + r"""
import mmap
low = libc.mmap
low.restype = ctypes.c_void_p
low.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
page = low(None, 4096, 7, 0x62, -1, 0)  # MAP_32BIT | MAP_ANONYMOUS | MAP_PRIVATE
words = (ctypes.c_uint * 3).from_address(page)
words[0], words[1], words[2] = 1, 1, 0
code = bytes.fromhex('5389f889f389d1ba00000000cd804863c05bc3')
ctypes.memmove(page + 64, code, len(code))
enter = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)(page + 64)
pid = os.fork()
if not pid: os._exit(0 if enter(102, 1, page) >= 0 else 7)
_, status = os.waitpid(pid, 0)
print('opened' if status == 0 else 'refused')
"""
    )
    place.equal(outcome.out.strip(), "refused", str(outcome))


@suite.case()
def ordinary_programs_notice_nothing(place):
    """Threads, timers, memory, epoll, file locks, extended attributes, namespaces of names."""
    place.settings(write=["."])
    outcome = place.python(
        "import threading,select,fcntl,os,mmap,multiprocessing,subprocess,signal,resource,sqlite3,socket,asyncio\n"
        "t=threading.Thread(target=print,args=('thread',)); t.start(); t.join()\n"
        "f=open('lock','w'); fcntl.flock(f,fcntl.LOCK_EX); fcntl.lockf(f,fcntl.LOCK_EX)\n"
        "p=multiprocessing.get_context('fork').Pool(2); print(p.map(abs,[-1,-2])); p.terminate()\n"
        "os.eventfd if hasattr(os,'eventfd') else None; os.memfd_create('x'); select.epoll(); os.sched_getaffinity(0)\n"
        "d=sqlite3.connect('db'); d.execute('create table t(a)'); d.commit()\n"
        "print(asyncio.run(asyncio.sleep(0, 'async')))\n"
        "s=socket.create_server(('127.0.0.1',0)); c=socket.create_connection(s.getsockname()); print('tcp')\n"
        "print(subprocess.run(['true']).returncode)"
    )
    place.check(outcome.ok, outcome)
    place.equal(outcome.out.split(), ["thread", "[1,", "2]", "async", "tcp", "0"], str(outcome))
