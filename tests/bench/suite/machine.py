"""What the operating system tells: CPU time and memory of processes, and what machine this is."""

import os
import platform
import re
import resource
import socket
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far."""
    # Behind the name, which may hold anything: proc(5).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid):
    """Memory that a process alone holds."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", text, re.M))


def settled_memory(pids, quiet=1.5, deadline=20):
    """The memory of processes together, once it has kept within 0.2% for a while."""
    end = time.monotonic() + deadline
    last = sum(map(memory_bytes, pids))
    since = time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < quiet:
        time.sleep(0.25)
        now = sum(map(memory_bytes, pids))
        if abs(now - last) > 0.002 * last:
            last, since = now, time.monotonic()
    return sum(map(memory_bytes, pids))


def raise_descriptor_limit():
    """Lets this process and its children open as many files as the system allows."""
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (ValueError, PermissionError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def description():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
