//! What every [`JobStore`](crate::backend::JobStore) must do: remember, fence, and tell watchers everything.

mod accept;
mod cancel;
mod claim;
mod close;
mod counts;
mod edit;
mod end;
mod find;
mod log;
mod model;
mod notes;
mod record;
mod steering;
mod story;
mod stress;
mod update;
mod watch;

pub use self::{
    accept::*, cancel::*, claim::*, close::*, counts::*, edit::*, end::*, find::*, log::*, model::*,
    notes::*, record::*, steering::*, stress::*, update::*, watch::*,
};

/// One test for each contract a [`JobStore`](crate::backend::JobStore) keeps.
///
/// Takes the name of an `async fn() -> Option<F>`, as [`broker_contract!`](crate::testing::broker_contract) does, where `F`
/// dereferences to a `JobStore`.
///
/// ```
/// # use std::sync::Arc;
/// # use usm_queue::{SqliteOptions, backend::JobStore, testing};
/// async fn open() -> Option<Arc<dyn JobStore>> {
///     Some(testing::sqlite_pair(None, SqliteOptions::default()).await.ok()?.1)
/// }
///
/// testing::store_contract!(open);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! store_contract {
    ($(#[$attribute:meta])* $open:ident) => {
        $crate::__contract_tests! {
            [$(#[$attribute])*] store $open:
            a_record_comes_back_as_it_was_stored
            any_json_value_comes_back_as_it_was
            of_two_records_with_one_id_the_first_is_kept
            an_unknown_job_is_none
            a_job_is_found_by_what_another_service_calls_it
            of_jobs_that_another_service_calls_the_same_the_newest_is_found
            jobs_are_listed_page_by_page_in_both_orders
            a_cursor_stays_right_while_jobs_come_change_and_go
            jobs_of_one_moment_are_listed_by_their_ids
            jobs_are_listed_by_when_they_were_made_whatever_their_ids
            jobs_are_listed_by_state
            a_scheduled_job_is_listed_as_waiting_once_it_is_due
            jobs_are_listed_by_owner_queue_task_and_tag
            jobs_are_listed_by_when_they_were_made
            jobs_are_listed_by_a_text_in_their_error
            a_withdrawn_job_is_not_listed
            each_transition_is_counted
            what_happens_to_stalled_and_postponed_jobs_is_counted
            a_scheduled_job_counts_as_waiting_once_it_is_due
            the_oldest_waiting_job_is_told
            tasks_with_open_jobs_are_told
            the_counts_are_right_after_random_operations
            a_claim_begins_an_attempt_under_a_lease
            tokens_grow_with_every_claim
            a_leased_job_is_busy
            a_job_whose_next_attempt_is_not_due_is_busy
            an_unknown_job_that_is_not_due_is_stored_and_busy
            a_lapsed_lease_can_be_taken_over
            a_job_whose_workers_died_twice_in_one_attempt_is_a_suspect
            a_crash_counts_when_the_job_was_tried_alone
            an_attempt_that_ends_in_order_clears_a_suspect
            a_suspect_that_should_stop_is_taken_at_once
            a_job_whose_worker_died_while_it_was_tried_alone_in_its_last_attempt_is_taken_only_to_end_it
            a_lapsed_lease_that_nobody_took_over_still_holds
            a_claim_stores_an_unknown_job
            a_final_job_is_not_claimed
            of_claims_at_once_exactly_one_wins
            a_waiting_job_can_be_put_off
            a_running_or_ended_job_cannot_be_put_off
            renewing_prolongs_a_lease_and_tells_of_lost_ones
            after_a_takeover_nothing_of_the_old_lease_is_accepted
            after_an_attempt_ended_nothing_of_its_lease_is_accepted
            an_attempt_that_the_store_does_not_know_is_lost
            a_new_job_is_told_from_a_known_one
            another_payload_under_a_known_id_is_told
            an_unconfirmed_record_is_withdrawn_and_a_confirmed_one_stays
            an_unconfirmed_record_that_is_claimed_or_cancelled_is_not_withdrawn
            a_record_that_is_gone_when_it_is_confirmed_is_stored_again
            a_record_that_comes_after_its_worker_changes_nothing
            a_record_of_a_published_job_is_never_unconfirmed
            progress_and_partial_results_are_recorded
            partial_results_survive_attempts_and_progress_does_not
            a_retry_makes_the_job_wait_with_its_error
            an_uncounted_retry_costs_no_attempt
            a_released_job_waits_again_and_the_attempt_does_not_count
            a_completed_job_keeps_its_result
            a_completed_job_has_no_error_of_the_attempts_before
            a_failed_job_keeps_its_error
            a_job_belongs_to_its_trace_to_the_end
            the_timeline_tells_every_transition
            every_write_makes_one_new_version
            a_waiting_job_can_be_failed
            an_unknown_job_can_be_failed
            a_running_or_ended_job_cannot_be_failed_from_outside
            a_stalled_job_can_be_failed_and_its_lease_is_void
            a_waiting_job_is_cancelled_at_once
            a_running_job_is_asked_to_stop
            a_stalled_job_is_cancelled_at_once
            cancelling_an_ended_or_unknown_job_changes_nothing
            a_request_to_cancel_outlasts_the_attempt
            an_edited_job_goes_on_with_its_new_message
            of_edits_at_once_the_first_to_commit_counts
            a_message_that_is_taken_before_its_edit_is_committed_counts
            a_claim_voids_the_edits_that_are_not_committed
            a_job_that_does_not_wait_is_not_edited
            a_job_that_is_due_later_is_nobodys_until_then
            an_edited_payload_is_told_from_the_one_before
            an_ended_job_can_be_deleted_and_stays_ended
            a_job_that_has_not_ended_is_not_deleted
            a_note_is_changed_only_where_what_is_expected_is_there
            of_many_who_change_a_note_at_once_one_succeeds
            a_note_is_gone_after_its_time_to_live
            notes_are_listed_by_what_their_names_begin_with
            a_note_that_is_too_large_is_refused
            a_watch_begins_with_the_present_state
            a_watch_that_reads_late_misses_no_transition
            a_watch_sees_progress
            a_watch_of_an_ended_job_shows_it_once
            a_watch_of_an_unknown_job_is_refused
            many_watches_at_once_all_see_every_transition
            thousands_of_partial_results_are_recorded
            a_log_goes_on_after_any_number
            a_log_keeps_the_newest_progress
            each_partial_result_is_told_once_and_in_order
            a_log_tells_what_is_no_transition_by_the_record
            the_history_of_a_job_that_waits_hundreds_of_times_is_bounded
            more_partial_results_than_are_kept_are_refused
            a_worker_is_listed_until_it_retires
            a_worker_without_a_sign_of_life_is_gone
            a_heartbeat_answers_what_is_set_for_queues
            a_pause_stays_with_whoever_was_first_until_it_is_lifted
            what_is_set_for_one_queue_is_set_for_no_other
            a_change_of_what_is_set_is_told
            closing_ends_watches
            a_closed_store_says_so
            random_operations_from_many_tasks_break_no_invariant
            any_call_answers_and_changes_the_record_as_the_model_does
        }
    };
}
