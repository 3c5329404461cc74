//! What every [`Broker`](crate::backend::Broker) must do: behave as RabbitMQ would for the same topology, and lose nothing.

mod declare;
mod delay;
mod delivery;
mod headers;
mod inspect;
mod limits;
mod line;
mod ownership;
mod routing;

pub use self::{
    declare::*, delay::*, delivery::*, headers::*, inspect::*, limits::*, ownership::*, routing::*,
};

/// One test for each contract a [`Broker`](crate::backend::Broker) keeps.
///
/// Takes the name of an `async fn() -> Option<F>`, called once by each test, where `F` dereferences to a `Broker`:
/// `Arc<dyn Broker>`, or a struct of your own that also keeps a temporary directory or a server alive. The broker may be
/// connected to a server that other tests use too. `None` skips the test: say aloud why.
///
/// Attributes before the name are put on each test. The crate that uses this needs `tokio` with `macros` and
/// `rt-multi-thread`.
///
/// ```
/// # use std::sync::Arc;
/// # use usm_queue::{SqliteOptions, backend::Broker, testing};
/// async fn open() -> Option<Arc<dyn Broker>> {
///     Some(testing::sqlite_pair(None, SqliteOptions::default()).await.ok()?.0)
/// }
///
/// testing::broker_contract!(#[cfg(not(miri))] open);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! broker_contract {
    ($(#[$attribute:meta])* $open:ident) => {
        $crate::__contract_tests! {
            [$(#[$attribute])*] broker $open:
            a_topic_exchange_routes_by_pattern
            a_direct_exchange_routes_by_equal_keys
            a_fan_out_exchange_reaches_every_bound_queue
            a_message_reaches_each_of_its_queues_once
            an_unroutable_message_is_refused_and_nothing_is_stored
            a_batch_with_an_unroutable_message_is_refused_whole
            a_message_arrives_as_it_was_published
            any_bytes_survive
            any_json_value_arrives_as_it_was_sent
            a_body_of_one_mebibyte_survives
            messages_come_in_the_order_they_were_published
            the_highest_priority_comes_first_and_equals_in_order
            a_queue_without_priorities_ignores_them
            a_priority_above_the_maximum_counts_as_the_maximum
            prefetch_bounds_unsettled_deliveries_and_settling_frees_a_place
            free_places_let_no_more_than_twice_the_prefetch_out
            a_waiting_consumer_gets_what_is_published_later
            an_acknowledged_message_is_gone
            messages_with_the_same_id_are_separate
            two_consumers_share_a_queue_and_each_message_comes_once
            settling_twice_does_nothing
            a_dropped_delivery_comes_back_marked
            a_dropped_consumer_gives_back_what_it_had_not_handed_out
            a_consumer_dropped_while_it_fetches_loses_nothing
            a_delivery_outlives_its_consumer
            a_dead_letter_reaches_every_queue_of_its_exchange_unchanged
            a_message_with_large_headers_is_settled_in_every_way
            a_requeued_message_comes_back_marked
            a_message_requeued_with_a_delay_comes_back_marked_and_not_too_soon
            a_retry_takes_the_place_of_its_message_after_the_delay
            a_retry_returns_to_its_own_queue_only
            a_delayed_message_is_not_delivered_before_it_is_due
            messages_come_in_the_order_they_are_due
            a_retry_blocks_nothing_while_it_waits
            a_retry_is_not_refused_by_a_full_queue
            a_message_that_waited_too_long_is_dead_lettered
            the_shorter_time_to_live_counts
            the_time_to_live_of_a_delayed_message_counts_from_when_it_is_due
            many_messages_expire_and_none_is_delivered_late
            a_queue_at_its_limit_dead_letters_its_head
            a_full_queue_refuses_when_told_to
            delivered_and_delayed_messages_do_not_fill_a_queue
            depth_counts_ready_delayed_and_unsettled
            browsing_takes_and_reorders_nothing
            a_look_ends_when_no_more_is_wanted
            a_message_is_found_by_its_id_without_being_taken
            a_message_is_found_by_the_id_of_its_job
            a_message_is_removed_by_its_id
            of_messages_with_the_same_id_one_is_removed
            purging_removes_what_waits_and_nothing_else
            declaring_again_and_at_once_is_fine
            a_queue_with_other_arguments_is_refused_naming_both
            an_exchange_of_another_kind_is_refused_naming_both
            an_undeclared_queue_is_not_found
        }
    };
}

/// The tests of one suite. A list ends with its names, so that both suites share this.
#[macro_export]
#[doc(hidden)]
macro_rules! __contract_tests {
    ([$($attributes:tt)*] $suite:ident $open:ident: $($contract:ident)*) => {
        $crate::__contract_tests! { @each [$($attributes)*] $suite $open $($contract)* }
    };
    (@each $attributes:tt $suite:ident $open:ident $($contract:ident)*) => {
        $( $crate::__contract_tests! { @one $attributes $suite $open $contract } )*
    };
    (@one [$($attributes:tt)*] $suite:ident $open:ident $contract:ident) => {
        $($attributes)*
        #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $contract() {
            let Some(backend) = $open().await else { return };
            $crate::testing::$suite::$contract(&*backend).await;
        }
    };
}
