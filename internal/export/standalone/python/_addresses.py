"""Which addresses may be reached: those of the public internet, unless AGENTFACTORY_ALLOW_PRIVATE=1."""
import ipaddress
import socket

import _settings

CONNECT = 10  # seconds for one address

# What IANA's special-purpose address registries (RFC 6890 and its updates) do not list as globally reachable, and what
# leads to someone's own network all the same.
_SPECIAL = [
    ipaddress.ip_network(n)
    for n in (
        "0.0.0.0/8",  # this network; Linux takes it for loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; metadata service of Alibaba Cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform service: public by number, the host's own in fact
        "169.254.0.0/16",  # link-local; metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata service of Oracle Cloud
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
        "2001::/23",  # protocol assignments: Teredo, which carries IPv4 addresses, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries IPv4 addresses
        "3fff::/20",  # documentation
    )
]
_UNICAST = ipaddress.ip_network("2000::/3")  # the one block of IPv6 that the internet routes
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


class Refused(Exception):
    """A connection that was not made because of where it leads."""

    def __init__(self, address):
        super().__init__(
            "%s is not a public address; only the public internet may be reached, unless AGENTFACTORY_ALLOW_PRIVATE=1" % address
        )


def judge():
    """What decides about addresses: public, or None where all may be reached."""
    return None if _settings.on("AGENTFACTORY_ALLOW_PRIVATE") else public


def public(address):
    """Whether an address, as text, is one of the public internet; one that stands for an IPv4 address is judged by that."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if found.version == 6:
        if found in _NAT64:
            found = ipaddress.ip_address(int(found) & 0xFFFFFFFF)
        elif found.ipv4_mapped:
            found = found.ipv4_mapped
        elif found not in _UNICAST:
            return False
    return not any(found in network for network in _SPECIAL if network.version == found.version)


def check_literal(host, allow):
    """Refuse a host that is written as an address and not allowed; names are judged when they are connected to."""
    try:
        address = ipaddress.ip_address(host.strip("[]").split("%")[0])
    except ValueError:
        return
    if allow and not allow(str(address)):
        raise Refused(address)


def resolve(host, port, allow):
    """The places that host leads to and that are allowed, as socket.getaddrinfo gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [place for place in found if allow is None or allow(place[4][0])]
    if not allowed:
        raise Refused(found[0][4][0])
    return allowed


def connect(host, port, timeout, allow):
    """A connection to the address that was judged, and to no other that the name may lead to by then."""
    failed = None
    for family, kind, protocol, _, place in resolve(host, port, allow):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(timeout, CONNECT))
            sock.connect(place)
            sock.settimeout(timeout)
            return sock
        except OSError as e:
            sock.close()
            failed = e
    raise failed
