"""Where services may be."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eopiez_ray.errors import ParameterError
from eopiez_ray.outbound.places import Places, check_path, check_url

NOWHERE_PUBLIC = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.1.1",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1",
)  # fmt: skip
"""Addresses that nobody outside may send the gateway to."""


@pytest.mark.parametrize("address", NOWHERE_PUBLIC)
def test_no_name_leads_to_a_special_address(address: str) -> None:
    for entries in (["*"], ["inside.example.com"], ["*.example.com"], ["*", "192.0.3.0/24"]):
        assert not Places.of(entries).allows("inside.example.com", ip_address(address), 80)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_a_name_that_is_allowed_leads_to_public_addresses(address: str) -> None:
    at = ip_address(address)
    assert Places.of(["*"]).allows("anything.example.org", at, 80)
    assert Places.of(["*.example.com"]).allows("OCR.Example.com.", at, 80)
    assert not Places.of(["*.example.com"]).allows("example.com", at, 80)
    assert not Places.of(["*.example.com"]).allows("evilexample.com", at, 80)
    assert not Places.of(["example.com"]).allows("ocr.example.com", at, 80)
    assert not Places.of([]).allows("ocr.example.com", at, 80)


def test_a_network_allows_its_own_addresses_alone() -> None:
    places = Places.of(["10.0.0.0/8", "::1"])
    assert places.allows("a", ip_address("10.255.0.1"), 80)
    assert places.allows("a", ip_address("::ffff:10.255.0.1"), 80)
    assert places.allows("a", ip_address("::1"), 80)
    assert not places.allows("a", ip_address("11.0.0.1"), 80)
    assert not places.allows("a", ip_address("127.0.0.1"), 80)


@pytest.mark.parametrize(("entry", "ports"), [
    ("127.0.0.1:4000", {4000}), ("127.0.0.0/8:4000-4001", {4000, 4001}), ("[::ffff:0:0/96]:1", set()),
    ("127.0.0.1", {1, 80, 4000, 4001, 65535}),
])  # fmt: skip
def test_an_entry_may_name_ports(entry: str, ports: set[int]) -> None:
    places, address = Places.of([entry]), ip_address("127.0.0.1")
    assert {port for port in (1, 80, 4000, 4001, 65535) if places.allows("a", address, port)} == ports


def test_ports_of_hosts_and_of_ipv6() -> None:
    public = ip_address("93.184.216.34")
    assert Places.of(["*.example.com:443"]).allows("a.example.com", public, 443)
    assert not Places.of(["*.example.com:443"]).allows("a.example.com", public, 80)
    assert Places.of(["[fd00:1::/64]:8080"]).allows("a", ip_address("fd00:1::5"), 8080)
    assert not Places.of(["[fd00:1::/64]:8080"]).allows("a", ip_address("fd00:1::5"), 80)


def test_metadata_takes_an_entry_of_its_own() -> None:
    metadata = ip_address("169.254.169.254")
    assert not Places.of(["0.0.0.0/0"]).allows("a", metadata, 80)
    assert not Places.of(["169.254.0.0/16"]).allows("a", metadata, 80)
    assert Places.of(["169.254.169.254"]).allows("a", metadata, 80)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_without_a_network_only_public_addresses_are_left(
    address: IPv4Address, network: IPv4Address, length: int
) -> None:
    assert not Places.of(["*"]).allows("a", address, 80) or address.is_global
    entry = f"{ip_address(int(network) >> (32 - length) << (32 - length))}/{length}"
    is_inside = int(address) >> (32 - length) == int(network) >> (32 - length)
    assert not Places.of([entry]).allows("a", address, 80) or is_inside


@pytest.mark.parametrize(
    "entry",
    ["", "http://a", "10.0.0.1/8", "a b", "*.", "**.a", "fe80::1/10", "a:0", "a:70000", "a:2-1", "a:", "a:b", "::1:"],
)
def test_an_entry_that_is_no_place_is_refused(entry: str) -> None:
    with pytest.raises(ParameterError):
        Places.of([entry])


@pytest.mark.parametrize("url", [
    "ftp://a", "file:///etc/passwd", "//a", "a", "", "http://", "http:///x", "http://user@a", "http://user:pw@a",
    "http://a@b", "http://a?b", "http://a/#b", "http://a\\@b", "http://a b", "http://a\n", "http://a:0", "http://a:70000",
    "http://[::1", "http://a/../b", "http://a/%2e%2E/b", "http://ä", "http://a/ä", "http://a%00b", "http://a,b",
    "gopher://a", "http://" + "a" * 3000,
])  # fmt: skip
def test_a_url_that_no_service_has_is_refused(url: str) -> None:
    with pytest.raises(ParameterError):
        check_url(url)


def test_a_url_is_kept_in_one_form() -> None:
    assert check_url("HTTP://A.example.com:80/") == "http://a.example.com:80"
    assert check_url("https://[::1]:4000/base/") == "https://[::1]:4000/base"


@pytest.mark.parametrize(
    "path",
    ["a", "/..", "/a/../b", "/%2e%2e/b", "/.%2E", "/a b", "/ä", "/a?b", "/a#b", "/a\\..\\b", "/a/..%2f", "/..%5Cb"],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ParameterError):
        check_path(path)


@given(st.text("ab./%25eEfFcC~;=", max_size=12))
def test_a_path_that_is_allowed_stays_below(path: str) -> None:
    try:
        check_path("/" + path)
    except ParameterError:
        return
    parts = unquote("/" + path).replace("\\", "/").split("/")
    assert not {".", ".."} & set(parts)
