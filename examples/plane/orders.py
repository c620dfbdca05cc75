"""A script written for AWS, with nothing of Twinplane in it: files in S3, a table in Glue, SQL in Athena.

Run it against a local plane:  twinplane plane --fresh -- python examples/plane/orders.py
"""

import time

import boto3


def main() -> list[list[str]]:
    """Sells three things and asks how many of each; returns the rows of the answer."""
    s3, glue, athena = (boto3.client(service) for service in ("s3", "glue", "athena"))
    s3.create_bucket(Bucket="shop")
    s3.put_object(Bucket="shop", Key="orders/2026.csv", Body=b"tea,2\ncoffee,1\ntea,3\n")
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(
        DatabaseName="shop",
        TableInput={
            "Name": "orders",
            "StorageDescriptor": {
                "Location": "s3://shop/orders/",
                "Columns": [{"Name": "item", "Type": "string"}, {"Name": "amount", "Type": "int"}],
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                    "Parameters": {"field.delim": ","},
                },
            },
        },
    )
    started = athena.start_query_execution(
        QueryString="SELECT item, sum(amount) AS amount FROM shop.orders GROUP BY item ORDER BY item",
        ResultConfiguration={"OutputLocation": "s3://shop/results/"},
    )
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if execution["Status"]["State"] != "SUCCEEDED":
        raise RuntimeError(execution["Status"]["StateChangeReason"])
    rows = athena.get_query_results(QueryExecutionId=started["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]


if __name__ == "__main__":
    for row in main():
        print(*row, sep="\t")
