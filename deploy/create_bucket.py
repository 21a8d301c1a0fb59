"""Makes the bucket for the clips where it is missing; the same variables as the site's settings.

A store that has just been started may listen before it can answer: it is asked again for a while.
"""

import os
import sys
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SECONDS = 120.0
TURN_SECONDS = 2.0
#: One attempt each: the loop below is the patience.
LIMITS = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})


def main() -> None:
    bucket = os.environ["MIMIA_S3_BUCKET"]
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["MIMIA_S3_ENDPOINT"],
        region_name=os.environ.get("MIMIA_S3_REGION") or "us-east-1",
        aws_access_key_id=os.environ["MIMIA_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MIMIA_S3_SECRET_KEY"],
        config=LIMITS,
    )
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            ensure(client, bucket)
            return
        except (BotoCoreError, ClientError) as error:
            if not _may_pass(error) or time.monotonic() >= deadline:
                sys.exit(f"the bucket {bucket} cannot be had: {error}")
            print(f"the store is not ready: {error}", flush=True)
            time.sleep(TURN_SECONDS)


def ensure(client: Any, bucket: str) -> None:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        client.create_bucket(Bucket=bucket)
        print(f"made the bucket {bucket}", flush=True)


def _may_pass(error: Exception) -> bool:
    """Away or starting; a refused key or name will be refused again."""
    if not isinstance(error, ClientError):
        return True
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 500)) >= 500


if __name__ == "__main__":
    main()
