"""What kind of disk a folder lies on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

_ON_NETWORK: Final = frozenset(
    {
        *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2"),
        *("glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "smb2", "smb3", "smbfs", "sshfs"),
        "webdav",
    }
)
"""File systems, as Linux, macOS and Windows name them, that show another machine's disk."""


def on_network(folder: Path) -> bool:
    """Say whether a folder lies on another machine's disk, as far as the system tells."""
    place = folder.resolve()
    if place.drive.startswith("\\\\"):
        return True
    mounts = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and (nearest.fstype.lower() in _ON_NETWORK or "remote" in nearest.opts.split(","))
