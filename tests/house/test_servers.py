"""The servers that other tests lean on do start, work, forget and come back on the same port."""

import boto3
import psycopg
import pytest
import redis

from tests.servers import ObjectStore, PostgreSQL, Redis

pytestmark = pytest.mark.distributed


def test_postgresql_keeps_rows_over_a_restart(postgresql: PostgreSQL) -> None:
    url = postgresql.create_database("house").replace("postgres://", "postgresql://")
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    postgresql.restart()
    with psycopg.connect(url) as connection:
        assert connection.execute("select n from kept").fetchall() == [(7,)]


def test_redis_forgets_over_a_restart(redis_server: Redis) -> None:
    client = redis.Redis.from_url(redis_server.url(9))
    client.set("a", "1")
    redis_server.restart()
    assert client.get("a") is None


def test_object_store_keeps_and_lists(object_store: ObjectStore) -> None:
    settings = object_store.create_bucket("house")
    client = boto3.client(
        "s3",
        endpoint_url=settings["MIMIA_S3_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=settings["MIMIA_S3_ACCESS_KEY"],
        aws_secret_access_key=settings["MIMIA_S3_SECRET_KEY"],
    )
    client.put_object(Bucket="house", Key="clips/a", Body=b"0123456789")
    part = client.get_object(Bucket="house", Key="clips/a", Range="bytes=2-4")
    assert part["Body"].read() == b"234"
    assert [row["Key"] for row in client.list_objects_v2(Bucket="house")["Contents"]] == ["clips/a"]
