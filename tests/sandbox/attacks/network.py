"""Reaching something over a network or a socket."""

import socket

from tests.sandbox.arena import Arena
from tests.sandbox.attacks import attack


@attack("connect to a service on this machine by TCP")
def tcp(arena: Arena) -> str:
    ear = arena.listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    arena.run(f"import socket; socket.create_connection(('127.0.0.1', {ear.address[1]}), 2).sendall(b'weights')")
    return ear.heard()


@attack("connect to a service on this machine by TCP over IPv6")
def tcp_ipv6(arena: Arena) -> str:
    ear = arena.listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
    arena.run(f"import socket; socket.create_connection(('::1', {ear.address[1]}), 2).sendall(b'weights')")
    return ear.heard()


@attack("serve others by TCP")
def tcp_server(arena: Arena) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def look(_: list[int]) -> str:
        with socket.create_connection(("127.0.0.1", port), 0.2) as caller:
            caller.settimeout(1)
            return caller.recv(100).decode()

    arena.run(
        "import socket\n"
        f"server = socket.create_server(('127.0.0.1', {port}))\n"
        "server.settimeout(1.5)\n"
        "server.accept()[0].sendall(b'hello from the child')\n",
        look=look,
    )
    return arena.seen


@attack("send a datagram")
def udp(arena: Arena) -> str:
    ear = arena.listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    arena.run(
        "import socket\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        f".sendto(b'weights', ('127.0.0.1', {ear.address[1]}))\n"
    )
    return ear.heard()


@attack("carry something out as the name in a DNS query")
def dns(arena: Arena) -> str:
    resolver = arena.listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    arena.run(
        "import socket, struct\n"
        "labels = b''.join(bytes([len(part)]) + part for part in (b'stolen-weights', b'example', b'org'))\n"
        "query = struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + labels + b'\\0' + struct.pack('>2H', 1, 1)\n"
        "out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"out.connect(('127.0.0.1', {resolver.address[1]}))\n"
        "out.send(query)\n"
    )
    return resolver.heard() if "stolen-weights" in resolver.heard() else ""


@attack("connect to a unix socket by its path")
def unix_path(arena: Arena) -> str:
    path = arena.top / "service"
    ear = arena.listen(socket.AF_UNIX, socket.SOCK_STREAM, str(path))
    path.chmod(0o777)
    arena.run(f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); s.sendall(b'weights')")
    return ear.heard()


@attack("connect to a unix socket without a path")
def unix_abstract(arena: Arena) -> str:
    name = f"\0{arena.secret}"
    ear = arena.listen(socket.AF_UNIX, socket.SOCK_STREAM, name)
    arena.run(f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({name!r}); s.sendall(b'weights')")
    return ear.heard()


@attack("send a datagram to a unix socket without connecting")
def unix_datagram(arena: Arena) -> str:
    path = arena.top / "log"
    ear = arena.listen(socket.AF_UNIX, socket.SOCK_DGRAM, str(path))
    path.chmod(0o777)
    arena.run(f"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'weights', {str(path)!r})")
    return ear.heard()
