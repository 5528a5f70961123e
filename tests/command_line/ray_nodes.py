"""A Ray cluster of several nodes on this machine, as a process: `python ray_nodes.py CPUS...`.

A node for each number, with as many processors. Prints the address, ends with its standard input.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

if __name__ == "__main__":
    cluster = Cluster()
    for cpus in sys.argv[1:]:
        cluster.add_node(num_cpus=int(cpus), include_dashboard=False)
    sys.stdout.write(f"{cluster.address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    cluster.shutdown()
