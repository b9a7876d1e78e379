//! The closed sets of label values. A label that is an enum cannot grow with the input.

/// An enum whose variants each have one stable code, listed once.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The stable code, as it stands in the label.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)+ }
            }
        }
    };
}

closed! {
    /// The step of the pipeline.
    Stage {
        /// Raw item → edited and hashed.
        Normalize = "normalize",
        /// Edited item → published or duplicate.
        Dedup = "dedup",
    }
}

closed! {
    /// The topic a worker reads, by its role.
    Input {
        /// The topic of raw items.
        Raw = "raw",
        /// The topic of edited items.
        Normalized = "normalized",
    }
}

closed! {
    /// Why an item was a duplicate.
    DuplicateKind {
        /// The same content from elsewhere.
        Copy = "copy",
        /// The very record that was first, read again.
        Replay = "replay",
        /// The same or an older version of the same story.
        Stale = "stale",
    }
}

closed! {
    /// How a transaction ended.
    TxnOutcome {
        /// Its outputs and offsets are visible.
        Committed = "committed",
        /// Nothing of it is visible; its items are read again.
        Aborted = "aborted",
        /// Its producer could not be used any more; its items are read again by a new one.
        Fatal = "fatal",
    }
}

closed! {
    /// How a reload ended.
    ReloadOutcome {
        /// The new rules and log level are in effect.
        Done = "done",
        /// Something was wrong: everything stays as it was.
        Refused = "refused",
    }
}

closed! {
    /// What the dead-letter brake did.
    BrakeEvent {
        /// It said that too many raw items become dead letters.
        Warned = "warned",
        /// It stopped reading raw items.
        Halted = "halted",
    }
}

closed! {
    /// What a rebalance did.
    RebalanceKind {
        /// Partitions came.
        Assigned = "assigned",
        /// Partitions were given up in order.
        Revoked = "revoked",
        /// Partitions had been taken away already.
        Lost = "lost",
    }
}

closed! {
    /// What an assigned partition is doing.
    PartitionState {
        /// It is open: its items are read, or wait a moment for barriers.
        Active = "active",
        /// It waits for its dedup state.
        Restoring = "restoring",
        /// The dead-letter brake holds it.
        Halted = "halted",
    }
}
