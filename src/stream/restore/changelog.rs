//! What a record of the changelog does to the table of its partition.

use rdkafka::{Message as _, message::BorrowedMessage};

use super::Unreadable;
use crate::dedup::{
    Table,
    record::{self, Change, RecordError},
};

/// Takes a record into the table.
pub(super) fn take(table: &mut Table, message: &BorrowedMessage<'_>, partitions: i32) -> Result<(), Unreadable> {
    let place = || format!("{}/{}/{}", message.topic(), message.partition(), message.offset());
    match record::read(message.key().unwrap_or_default(), message.payload()) {
        Ok(Change::Seen(entry)) => {
            let owner = entry.identity.partition(partitions);
            if owner != message.partition() {
                return Err(Unreadable::Partitions { place: place(), owner, partitions });
            }
            table.restore(entry);
        }
        Ok(Change::Forget(identity)) => table.restore_forgotten(&identity),
        Err(cause @ RecordError::Layout(_)) => return Err(Unreadable::Layout { place: place(), cause }),
        Err(error) => tracing::warn!(place = place(), %error, "a foreign record in the changelog was passed over"),
    }
    Ok(())
}
