//! Reading items by their keys: always strongly consistent, in one request where there are no more than a hundred.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::attempts::jittered;
use super::item::{Item, PARTITION, SORT};
use super::keys::{self, Key};
use super::{DynamoLedger, Trouble, bucket, stored, window};
use crate::domain::budget::BucketKey;
use crate::domain::controls::Controls;
use crate::domain::ids::StageRunId;
use crate::domain::protocol::View;
use crate::domain::storm::WindowKey;

/// Most keys that one request may ask for (DynamoDB API, `BatchGetItem`).
const MOST_KEYS: usize = 100;

/// Longest pause before asking again for what a busy table left out, in milliseconds.
const PAUSES: [u64; 6] = [25, 50, 100, 200, 400, 800];

impl DynamoLedger {
    /// The items that exist, of those asked for.
    pub(super) async fn get(&self, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, Item>, Trouble> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let mut found = BTreeMap::new();
        for keys in keys.chunks(MOST_KEYS) {
            self.get_batch(keys, &mut found).await?;
        }
        Ok(found)
    }

    async fn get_batch(&self, keys: &[Key], found: &mut BTreeMap<Key, Item>) -> Result<(), Trouble> {
        let of = |key: &Key| {
            [(PARTITION, &key.partition), (SORT, &key.sort)]
                .map(|(name, text)| (name.to_owned(), AttributeValue::S(text.clone())))
        };
        let wanted = (keys.iter())
            .fold(KeysAndAttributes::builder(), |wanted, key| wanted.keys(of(key).into()))
            .consistent_read(true)
            .build()
            .map_err(|_| Trouble::NotSent)?;
        let mut request = Some((self.table.clone(), wanted));
        let mut pauses = PAUSES.into_iter();
        while let Some((table, wanted)) = request {
            let answer = self.dynamodb().batch_get_item().request_items(table, wanted).send().await;
            let answer = answer.map_err(|error| Trouble::of("BatchGetItem", &error))?;
            request = answer.unprocessed_keys.into_iter().flatten().next().map(|(table, mut left)| {
                left.consistent_read = Some(true);
                (table, left)
            });
            // Who says nothing of the items does not say that there are none.
            if answer.responses.is_none() && request.is_none() {
                return Err(Trouble::Unheard("BatchGetItem"));
            }
            for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                let item = Item::of(&item);
                found.insert(item.key(), item);
            }
            if request.is_some() {
                let pause = pauses.next().ok_or(Trouble::Throttled("BatchGetItem"))?;
                jittered(pause).await;
            }
        }
        Ok(())
    }

    /// Controls, record, buckets and windows.
    pub(super) async fn view(
        &self,
        run: &StageRunId,
        buckets: &[BucketKey],
        windows: &[WindowKey],
    ) -> Result<View, Trouble> {
        let keys = [keys::controls(), keys::record(run)].into_iter();
        let keys = keys.chain(buckets.iter().map(keys::bucket));
        let found = self.get(keys.chain(windows.iter().copied().map(keys::window)).collect()).await?;
        let item = |key| found.get(&key);
        Ok(View {
            controls: item(keys::controls()).map_or(Ok(Controls::default()), stored::controls)?,
            record: item(keys::record(run)).map(|item| stored::record(item, run)).transpose()?,
            buckets: (buckets.iter())
                .filter_map(|key| Some((key, item(keys::bucket(key))?)))
                .map(|(key, item)| Ok((key.clone(), bucket::bucket(item)?)))
                .collect::<Result<_, Trouble>>()?,
            windows: (windows.iter())
                .filter_map(|key| Some((*key, item(keys::window(*key))?)))
                .map(|(key, item)| Ok((key, window::window(item)?)))
                .collect::<Result<_, Trouble>>()?,
        })
    }
}
