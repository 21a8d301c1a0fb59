#!/opt/python/bin/python3
"""``weed server``, as deploy/seaweedfs.sh calls it, in front of ``rclone serve s3``."""

import json
import os
import sys
from pathlib import Path

flags = dict(word.lstrip("-").partition("=")[::2] for word in sys.argv[2:])
if "s3" not in flags:
    sys.exit("this stand-in opens the S3 door only")
identity = json.loads(Path(flags["s3.config"]).read_text())["identities"][0]
key = identity["credentials"][0]
Path(flags["dir"]).mkdir(parents=True, exist_ok=True)
address = f"{flags['ip.bind']}:{flags['s3.port']}"
login = f"{key['accessKey']},{key['secretKey']}"
command = ["rclone", "serve", "s3", "--addr", address, "--auth-key", login, flags["dir"]]
os.execvp("rclone", [*command, "--config", "/dev/null"])  # noqa: S606
