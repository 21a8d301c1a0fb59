"""Makes the bucket for the clips where it is missing; the same variables as the site's settings."""

import os

import boto3
from botocore.exceptions import ClientError


def main() -> None:
    bucket = os.environ["MIMIA_S3_BUCKET"]
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["MIMIA_S3_ENDPOINT"],
        region_name=os.environ.get("MIMIA_S3_REGION", "us-east-1"),
        aws_access_key_id=os.environ["MIMIA_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MIMIA_S3_SECRET_KEY"],
    )
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        client.create_bucket(Bucket=bucket)
        print(f"made the bucket {bucket}")


if __name__ == "__main__":
    main()
