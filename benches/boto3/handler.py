"""The function that one writes oneself: it retries a failed stage once, with a record in DynamoDB that keeps it from doing
so twice, and a budget. Seven calls for each failure: no rules, no classes, no waiting."""

import json
import os
import time

import boto3
from botocore.config import Config

TABLE = os.environ["RETRIER_TABLE"]
MOST_RETRIES = 5
RETRYABLE = ("Rate exceeded", "ThrottlingException", "timed out", "ECONNRESET")

config = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
once = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
codepipeline = boto3.client("codepipeline", config=config)
codepipeline_once = boto3.client("codepipeline", config=once)
dynamodb = boto3.client("dynamodb", config=config)


def text(value):
    return {"S": value}


def number(value):
    return {"N": str(value)}


def failed_stage(pipeline, execution, stage):
    """The stage as it stands, if it is still this failure."""
    state = codepipeline.get_pipeline_state(name=pipeline)
    for found in state["stageStates"]:
        latest = found.get("latestExecution")
        if found["stageName"] == stage and latest:
            if latest["pipelineExecutionId"] == execution and latest["status"] == "Failed":
                return found
    return None


def handle(batch, context):
    for record in batch["Records"]:
        retry(json.loads(record["body"]), context)
    return {"batchItemFailures": []}


def retry(event, context):
    started = time.time()
    detail = event["detail"]
    pipeline, execution, stage = detail["pipeline"], detail["execution-id"], detail["stage"]
    if detail["state"] != "FAILED":
        return {"verdict": "ignore"}
    record = {"pk": text(f"run#{pipeline}#{execution}#{stage}"), "sk": text("record")}
    bucket = {"pk": text("buckets"), "sk": text("all")}
    found = dynamodb.batch_get_item(
        RequestItems={TABLE: {"Keys": [record, bucket], "ConsistentRead": True}}
    )["Responses"].get(TABLE, [])
    known = next((item for item in found if item["sk"] == record["sk"]), None)
    if known and known["state"]["S"] != "open":
        return {"verdict": "ignore", "reason": "already-answered"}

    if failed_stage(pipeline, execution, stage) is None:
        return {"verdict": "ignore", "reason": "superseded"}
    actions = codepipeline.list_action_executions(
        pipelineName=pipeline,
        filter={"latestInPipelineExecution": {"pipelineExecutionId": execution, "startTimeRange": "Latest"}},
    )["actionExecutionDetails"]
    failed = [action for action in actions if action["stageName"] == stage and action["status"] == "Failed"]
    messages = [
        action.get("output", {}).get("executionResult", {}).get("errorDetails", {}).get("message", "")
        for action in failed
    ]
    if not messages or not all(any(known in message for known in RETRYABLE) for message in messages):
        return {"verdict": "give-up", "reason": "not-retryable"}

    now = int(time.time())
    claim = {
        **record,
        "state": text("claimed"),
        "claimed-by": text(context.aws_request_id),
        "at": number(now),
        "expires": number(now + 90 * 86_400),
    }
    dynamodb.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": TABLE,
                    "Item": claim,
                    "ConditionExpression": "attribute_not_exists(pk) OR retries < :most",
                    "ExpressionAttributeValues": {":most": number(MOST_RETRIES)},
                }
            },
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": bucket,
                    "UpdateExpression": "ADD used :one",
                    "ConditionExpression": "attribute_not_exists(used) OR used < :most",
                    "ExpressionAttributeValues": {":one": number(1), ":most": number(100_000)},
                }
            },
            {
                "Put": {
                    "TableName": TABLE,
                    "Item": {
                        "pk": text(f"decisions#{pipeline}"),
                        "sk": text(f"{now}#{context.aws_request_id}"),
                        "verdict": text("retry"),
                        "body": text(json.dumps({"stage": stage, "execution": execution, "messages": len(messages)})),
                    },
                }
            },
        ]
    )

    if failed_stage(pipeline, execution, stage) is None:
        return {"verdict": "ignore", "reason": "superseded"}
    codepipeline_once.retry_stage_execution(
        pipelineName=pipeline, stageName=stage, pipelineExecutionId=execution, retryMode="FAILED_ACTIONS"
    )
    dynamodb.update_item(
        TableName=TABLE,
        Key=record,
        UpdateExpression="SET #state = :state, retries = :one",
        ConditionExpression="#state = :claimed",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": text("retried"), ":claimed": text("claimed"), ":one": number(1)},
    )
    print(json.dumps({"message": "decision", "verdict": "retry", "pipeline": pipeline, "seconds": time.time() - started}))
    return {"verdict": "retry"}
