//! The inputs of the providers' operations, as AWS's own service models have them.

use super::super::model::patterns;
use super::super::model::{ANY, Shape, optional, required};

pub static TEXT: Shape = Shape::text(0, ANY);
pub static NON_EMPTY: Shape = Shape::text(1, ANY);
pub static FLAG: Shape = Shape::Flag;

pub static BUILD_IDS: Shape = Shape::list(&NON_EMPTY, 1, 100);
pub static BATCH_GET_BUILDS_INPUT: Shape = Shape::Structure(&[required("ids", &BUILD_IDS)]);

pub static LOG_GROUP_NAME: Shape = Shape::like(&patterns::LOG_GROUP, 1, 512);
pub static LOG_GROUP_IDENTIFIER: Shape = Shape::like(&patterns::LOG_GROUP_IDENTIFIER, 1, 2048);
pub static LOG_STREAM_NAME: Shape = Shape::like(&patterns::LOG_STREAM, 1, 512);
pub static MILLISECONDS: Shape = Shape::whole(0, i64::MAX);
pub static EVENTS_LIMIT: Shape = Shape::whole(1, 10_000);
pub static GET_LOG_EVENTS_INPUT: Shape = Shape::Structure(&[
    optional("logGroupName", &LOG_GROUP_NAME),
    optional("logGroupIdentifier", &LOG_GROUP_IDENTIFIER),
    required("logStreamName", &LOG_STREAM_NAME),
    optional("startTime", &MILLISECONDS),
    optional("endTime", &MILLISECONDS),
    optional("nextToken", &NON_EMPTY),
    optional("limit", &EVENTS_LIMIT),
    optional("startFromHead", &FLAG),
    optional("unmask", &FLAG),
]);

pub static GET_DEPLOYMENT_INPUT: Shape = Shape::Structure(&[required("deploymentId", &TEXT)]);
pub static TARGET_FILTER_NAME: Shape = Shape::Choice(&["TargetStatus", "ServerInstanceLabel"]);
pub static FILTER_VALUES: Shape = Shape::list(&TEXT, 0, ANY);
pub static TARGET_FILTERS: Shape = Shape::map(&TARGET_FILTER_NAME, &FILTER_VALUES, ANY);
pub static LIST_DEPLOYMENT_TARGETS_INPUT: Shape = Shape::Structure(&[
    required("deploymentId", &TEXT),
    optional("nextToken", &TEXT),
    optional("targetFilters", &TARGET_FILTERS),
]);
pub static TARGET_IDS: Shape = Shape::list(&TEXT, 0, ANY);
pub static BATCH_GET_DEPLOYMENT_TARGETS_INPUT: Shape =
    Shape::Structure(&[required("deploymentId", &TEXT), required("targetIds", &TARGET_IDS)]);

pub static CALENDAR_NAMES: Shape = Shape::list(&TEXT, 0, ANY);
pub static GET_CALENDAR_STATE_INPUT: Shape =
    Shape::Structure(&[required("CalendarNames", &CALENDAR_NAMES), optional("AtTime", &TEXT)]);

pub static NEXT_TOKEN: Shape = Shape::text(1, 1024);
pub static DESCRIBE_STACK_EVENTS_INPUT: Shape =
    Shape::Structure(&[required("StackName", &TEXT), optional("NextToken", &NEXT_TOKEN)]);
pub static CHANGE_SET_NAME: Shape = Shape::like(&patterns::CHANGE_SET, 1, 1600);
pub static STACK_NAME: Shape = Shape::like(&patterns::STACK, 1, ANY);
pub static DESCRIBE_CHANGE_SET_INPUT: Shape = Shape::Structure(&[
    required("ChangeSetName", &CHANGE_SET_NAME),
    optional("StackName", &STACK_NAME),
    optional("NextToken", &NEXT_TOKEN),
    optional("IncludePropertyValues", &FLAG),
]);
