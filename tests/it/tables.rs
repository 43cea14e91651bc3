//! Tables as the stack makes them, on a server that stands in for DynamoDB.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus,
};
use jiff::Timestamp;

use codepipeline_retrier::aws::clients::Clients;
use codepipeline_retrier::aws::ledger::{DynamoLedger, OPEN_INDEX};
use codepipeline_retrier::aws::settings::variable;

use crate::ministack::{MiniStack, clients_at, unique};

/// A table, and the server it is on while somebody holds it.
pub struct Table {
    pub name: String,
    pub clients: Arc<Clients>,
    /// Held until nobody needs the table any more.
    _server: Option<Arc<MiniStack>>,
}

impl Table {
    /// A new table, on the server that `RETRIER_TEST_DYNAMODB` names, else on `MiniStack`.
    pub async fn create(purpose: &str) -> Self {
        if let Some(url) = variable("RETRIER_TEST_DYNAMODB") {
            return Self::create_at(clients_at(&url), purpose, None).await;
        }
        Self::on(&MiniStack::shared(), purpose).await
    }

    /// A new table on that server.
    pub async fn on(server: &Arc<MiniStack>, purpose: &str) -> Self {
        Self::create_at(server.clients(), purpose, Some(Arc::clone(server))).await
    }

    async fn create_at(clients: Arc<Clients>, purpose: &str, server: Option<Arc<MiniStack>>) -> Self {
        let name = unique(purpose);
        let attribute = |name: &str| {
            let definition = AttributeDefinition::builder().attribute_name(name);
            definition.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let key = |name: &str, of: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(of).build().unwrap()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name(OPEN_INDEX)
            .key_schema(key("open-shard", KeyType::Hash))
            .key_schema(key("open-until", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        let create = ["pk", "sk", "open-shard", "open-until"]
            .into_iter()
            .fold(clients.dynamodb().create_table().table_name(&name), |create, name| {
                create.attribute_definitions(attribute(name))
            });
        let created = create
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(index.build().unwrap())
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await;
        if let Err(error) = created {
            // The SDK has sent it twice. Nobody else has a table of that name.
            let is_there =
                error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception);
            assert!(is_there, "{error:?}");
        }
        loop {
            let described = clients.dynamodb().describe_table().table_name(&name).send().await.unwrap();
            if described.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self { name, clients, _server: server }
    }

    /// The ledger in it.
    pub fn ledger(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> DynamoLedger {
        DynamoLedger::new(self.clients.clone(), &self.name, clock)
    }
}
