"""What a machine or a container has free, read from made-up files of the system."""

import pytest

from rrplan.engine import memory

KIB = 2**10
MEMINFO = "MemTotal: 16000 kB\nMemFree: 100 kB\nMemAvailable:   9000 kB\nCached: 8900 kB\n"
V1 = "sys/fs/cgroup/memory"
V2 = "sys/fs/cgroup"


def limited(folder, limit, used, cached=0, version=2):
    """Return the files of a control group."""
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    names = names if version == 1 else ("memory.max", "memory.current", "inactive_file")
    return {
        f"{folder}/{names[0]}": f"{limit}\n",
        f"{folder}/{names[1]}": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\n{names[2]} {cached}\n",
    }


MACHINES = {
    "no groups": ({}, 9000 * KIB),
    "version 2": (
        {"proc/self/cgroup": "0::/\n", **limited(V2, 5000 * KIB, 2000 * KIB)},
        3000 * KIB,
    ),
    "no limit": ({"proc/self/cgroup": "0::/\n", **limited(V2, "max", 2000)}, 9000 * KIB),
    "a limit above the machine": (
        {"proc/self/cgroup": "0::/\n", **limited(V2, 99_000 * KIB, 0)},
        9000 * KIB,
    ),
    "caches of files count as free": (
        {"proc/self/cgroup": "0::/\n", **limited(V2, 5000 * KIB, 4000 * KIB, cached=3500 * KIB)},
        4500 * KIB,
    ),
    "used up": ({"proc/self/cgroup": "0::/\n", **limited(V2, 5000, 6000)}, 0),
    "the group above is tighter": (
        {
            "proc/self/cgroup": "0::/jobs/7\n",
            **limited(f"{V2}/jobs/7", 8000 * KIB, 0),
            **limited(f"{V2}/jobs", 5000 * KIB, 1000 * KIB),
        },
        4000 * KIB,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpu:/a\n4:hugetlb,memory:/job\n0::/\n",
            **limited(f"{V1}/job", 6000 * KIB, 1000 * KIB, version=1),
            **limited(V1, 2**63 - 4096, 7000 * KIB, version=1),
        },
        5000 * KIB,
    ),
    "a path that the container does not see": (
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n",
            **limited(V1, 6000 * KIB, 2000 * KIB, version=1),
        },
        4000 * KIB,
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_free_is_available_and_within_all_limits(tmp_path, name):
    files, expected = MACHINES[name]
    for path, text in {"proc/meminfo": MEMINFO, **files}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert memory.host_bytes(tmp_path) == expected


def test_a_machine_without_these_files_tells_its_free_pages(tmp_path, monkeypatch):
    pages = {"SC_AVPHYS_PAGES": 300, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(memory.os, "sysconf_names", pages)
    monkeypatch.setattr(memory.os, "sysconf", pages.get)
    assert memory.host_bytes(tmp_path) == 300 * 4096
    monkeypatch.setattr(memory.os, "sysconf_names", {})
    assert memory.host_bytes(tmp_path) is None


def test_this_machine_has_something_free():
    assert 0 < memory.host_bytes() < 2**60
