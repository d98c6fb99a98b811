"""What of the catalogue is tested at another place, decided otherwise, or not kept yet."""

from __future__ import annotations

_WIRE = "tests/core/wire/test_transport.py::test_"
_CORE = "tests/core/test_"
_LC = "tests/langchain/test_"
_LI = "tests/llamaindex/test_"
_PROCESS = "tests/faults/test_process.py::test_"
_CROWDS = "tests/faults/test_crowds.py::test_"
_LEAVING = "tests/faults/test_leaving.py::test_"
_CANARY = "tests/test_canary.py::test_"
_RELOADING = "tests/test_reloading.py::test_"

ELSEWHERE: dict[int, tuple[str, ...]] = {
    13: (
        f"{_WIRE}proxy_is_used",
        f"{_WIRE}proxy_for_everything",
        f"{_WIRE}no_proxy_is_obeyed",
        f"{_WIRE}dead_proxy",
        f"{_WIRE}proxy_of_another_kind",
    ),
    14: (
        f"{_CORE}settings.py::test_plain_http_to_another_machine",
        f"{_LC}chat_models.py::test_other_machine_needs_https",
        f"{_LI}llms.py::test_plain_http_to_another_machine_is_refused",
    ),
    72: ("tests/core/wire/test_stream.py::test_no_prefix_is_an_answer",),
    77: (
        "tests/core/wire/test_families.py::test_glm_knows_auto_only",
        f"{_LI}llms.py::test_tool_choice_is_put_into_the_wires_form",
    ),
    107: ("tests/core/wire/test_failures.py::test_any_retry_after",),
    117: (
        f"{_CORE}settings.py::test_key_in_no_repr",
        f"{_LC}lifecycle.py::test_key_is_nowhere_to_be_read",
        f"{_LI}own.py::test_key_reaches_the_server_and_nothing_else",
        f"{_CANARY}written_form_has_no_key",
    ),
    118: (
        f"{_LC}lifecycle.py::test_key_is_in_no_error",
        f"{_WIRE}key_in_no_error",
        f"{_CANARY}error_tells_neither_key_nor_prompt",
    ),
    119: (
        "tests/core/wire/test_failures.py::test_secret_is_masked",
        f"{_CANARY}record_tells_neither_key_nor_prompt",
    ),
    120: (
        f"{_CANARY}traceback_with_locals_shows_no_key",
        f"{_CANARY}trace_of_langchain_has_no_key",
        f"{_CANARY}events_of_llamaindex_have_no_key",
    ),
    121: (
        f"{_CORE}settings.py::test_key_that_is_none",
        f"{_CORE}settings.py::test_blanks_around_a_key",
    ),
    123: (
        f"{_PROCESS}three_event_loops_in_a_row",
        f"{_PROCESS}nothing_is_left_behind",
    ),
    124: (
        f"{_WIRE}twenty_threads",
        f"{_LC}lifecycle.py::test_threads_share_a_model",
        f"{_CROWDS}streams_of_many_threads_do_not_mix",
    ),
    125: (f"{_PROCESS}fork_with_warm_connections",),
    126: (
        f"{_LC}lifecycle.py::test_pickle_works_where_it_arrives",
        f"{_PROCESS}copy_of_one_in_use",
        f"{_PROCESS}every_public_value_travels",
    ),
    127: (
        f"{_WIRE}cancellation_closes_the_connection",
        f"{_LEAVING}cancelled_stream",
        f"{_LEAVING}cancelled_call",
        f"{_LEAVING}cancelled_wait",
    ),
    128: (
        f"{_WIRE}abandoned_stream_closes_its_connection",
        f"{_LEAVING}abandoned_stream",
        f"{_LEAVING}abandoned_async_stream",
    ),
    129: (f"{_CROWDS}five_hundred_streams_do_not_mix",),
    130: (f"{_PROCESS}wall_clock_that_jumps", f"{_CORE}health.py::test_wall_clock_jumps"),
    131: (f"{_PROCESS}interpreter_ends_in_a_stream",),
    132: (f"{_PROCESS}sync_call_inside_a_running_loop",),
    133: (
        f"{_CORE}config.py::test_mistake_is_named",
        "tests/cli/test_check.py::test_each_problem_names_file_line_and_key",
    ),
    134: (f"{_CORE}config.py::test_mistake_is_named",),
    135: (
        f"{_CORE}config.py::test_mistake_is_named",
        "tests/cli/test_check.py::test_unknown_model_of_a_route_is_suggested",
    ),
    137: (f"{_CORE}config.py::test_mistake_is_named",),
    138: (f"{_CORE}config.py::test_mistake_is_named",),
    139: (f"{_CORE}config.py::test_key_in_the_file",),
    140: (
        f"{_CORE}reloading.py::test_broken_file_changes_nothing",
        f"{_CORE}reloading.py::test_each_content_is_warned_of_once",
        f"{_CORE}reloading.py::test_deleted_file_and_back",
        f"{_RELOADING}broken_edit_changes_nothing",
    ),
    141: (
        f"{_RELOADING}edit_while_50_calls_stream",
        f"{_RELOADING}edit_while_threads_stream",
        f"{_RELOADING}call_falls_back_by_the_file_it_began_with",
        f"{_RELOADING}many_threads_call_while_the_file_is_edited",
        f"{_RELOADING}budget_keeps_what_was_spent",
    ),
    142: (
        f"{_CORE}budget.py::test_threads_never_overrun",
        f"{_CORE}flow_money.py::test_no_call_passes_its_limits",
        f"{_CORE}flow_money.py::test_crowd_of_calls_never_overruns",
        f"{_CORE}client.py::test_threads_share_a_budget",
        "tests/test_money.py::test_settled_is_the_bill",
    ),
    143: (
        f"{_CORE}records.py::test_cost_counts_failed_attempts_that_were_billed",
        f"{_CORE}records.py::test_failed_attempt_of_unknown_usage_is_estimated",
        f"{_CORE}flow_money.py::test_abandoned_stream_is_estimated",
        f"{_CORE}flow_money.py::test_cancelled_call_is_estimated",
        f"{_CORE}client.py::test_cut_answer_is_estimated",
    ),
    144: (
        f"{_CORE}health.py::test_one_probe",
        f"{_CORE}health.py::test_pauses_vary",
        f"{_CORE}health_calls.py::test_threads_make_one_probe",
    ),
    145: (
        f"{_CORE}health.py::test_streak_refuses",
        f"{_CORE}health_calls.py::test_all_refused",
    ),
    146: (
        f"{_CORE}flow.py::test_all_failed",
        f"{_LC}router.py::test_every_failure_is_in_the_error",
        f"{_LI}router.py::test_all_models_failing_tells_of_each",
    ),
    147: (
        f"{_CORE}health.py::test_scope_says_who_is_left_out",
        f"{_CORE}health_calls.py::test_batch_with_a_bad_key",
    ),
    148: (f"{_CORE}health.py::test_fault_of_the_request_opens_nothing",),
    149: (
        f"{_CORE}flow.py::test_any_script",
        f"{_LC}chat_models.py::test_attempts_are_as_many_as_declared",
        f"{_LI}llms.py::test_failure_is_retried_as_often_as_said_and_no_more",
        f"{_LI}router.py::test_retries_are_the_routers_alone",
    ),
    150: (
        f"{_CORE}flow.py::test_attempts_get_what_is_left",
        f"{_CORE}flow.py::test_deadline",
        f"{_CORE}flow.py::test_retry_after_beyond_the_deadline",
    ),
    151: (
        f"{_CORE}policy.py::test_unable",
        f"{_CORE}router.py::test_unable_candidates_are_turned_down",
    ),
    152: (
        f"{_LC}bridge.py::test_reasoning_goes_back_to_its_own_family",
        f"{_LC}agents.py::test_conversation_moves_between_models",
        f"{_LI}llms.py::test_reasoning_goes_back_with_its_tool_call_to_its_own_family_only",
    ),
    153: (
        f"{_LC}chat_models.py::test_metadata_names_the_model_and_the_record",
        f"{_LC}router.py::test_failure_before_the_first_word_moves_on",
        f"{_CORE}records.py::test_answer_of_another_model",
    ),
}

DECIDED: dict[int, str] = {
    12: "Connections are not limited, so that no call waits for one of another call.",
    62: "The repeated text is passed on.",
    136: "A route lists models, and a model names no other: there is no circle to write.",
    139: "The file has no variables, and no place for a key.",
    154: "Nothing is shared between processes.",
}

NOT_YET: dict[int, str] = {}
