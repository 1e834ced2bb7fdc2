//! What every keeper must do: one suite, run against each of them.
//!
//! A case is a function over any [`Subject`](crate::stage::Subject); [`suite`] names them all once.

mod amend;
mod bag;
mod books;
mod broadcast;
mod campaign;
mod controls;
mod coupons;
mod draw;
mod early;
mod eligibility;
pub mod experiment;
mod gift;
mod goals;
mod holds;
mod life;
mod rain;
mod repeats;
mod risk;
mod sale;
mod strangers;
pub mod talk;
mod template;

/// Runs every case against the keeper that `$keeper` makes from bounds.
macro_rules! suite {
    ($name:ident, $keeper:expr) => {
        mod $name {
            suite!(@cases $keeper;
                life { by_hand, by_the_clock, the_countdown_may_be_skipped, closing_by_hand, steps_that_may_not_be,
                       review_names_what_is_missing, cancelled_at_every_phase, a_clock_that_goes_back,
                       old_activities_leave, a_cancelled_sale_waits_for_its_orders },
                draw { from_the_first_ticket_to_the_last_fen, one_ticket_each, fewer_than_prizes, nobody_came, refused,
                       a_beacon_decides, passed_on_by_word, seats_that_nobody_takes, never_called_off_after_the_close,
                       rules_stay, wins_count, proofs, a_keyword_is_posted, a_keyword_that_only_some_may_post },
                early { the_dearest_first, by_hand, whatever_the_kind, answers_stay, late, like_a_template },
                experiment { for_an_arm_only, what_arms_bring, every_event_names_the_arms, coupons_of_an_arm, refused,
                             asked_again, bounded, what_is_over_leaves },
                rain { first_come_first_served, each_share_once, many_per_user, waves_and_leftovers,
                       added_shares_come_before_later_waves, coupons_among_the_shares, random_shares_add_up,
                       the_token_opens, the_result, day_limit, win_cap },
                sale { held_then_paid, held_then_expired, given_up, all_of_a_cart_or_none, per_user_limits, too_few_left,
                       late_payment, closed_with_orders, carts_that_make_no_sense, payments_that_make_no_sense },
                broadcast { one_after_the_other, asked_again },
                campaign { phases_and_progress, refused, repeats_and_old_ones },
                eligibility { watched_for_long_enough, overlapping_reports_count_once, before_limit_and_stock, in_a_sale,
                              accounts, newcomers, the_keyword_was_posted, not_won_too_often, the_audience_is_bounded, tiers,
                              talk_makes_a_tier, talk_counts_once, refused_again_and_again },
                goals { steps_are_reached_by_watching, of_this_broadcast_only, answers_stay, once_a_day_with_streaks,
                        days_of_the_room, conditions_come_first },
                gift { paid_from_the_wallet, refused, catalogues, combos, combos_of_different_things, the_window_is_set,
                       boards, boards_of_other_days, fans_by_gift, fans_by_asking, fans_by_watching, how_a_club_is_run, asked_again,
                       what_is_long_ago_is_forgotten },
                holds { cash_is_held, whatever_gives_it, answers_stay, pages, strangers_in_a_full_room, released_or_forfeited,
                        held_for_longer_than_activities_are_kept, an_activity_waits_for_what_is_held,
                        policies_that_make_no_sense },
                risk { the_higher_counts, the_latest_judgement, asked_again,
                       a_decoy_is_a_rain_that_is_exhausted, a_decoy_catches, decoys_that_make_no_sense },
                talk { ballots, ballots_that_change, nobody_votes_early, places, only_whom_the_conditions_let, mute_and_ban,
                       copy_that_does_not_pass },
                template { saved_and_had_again, of_every_kind, a_beacons_round_follows_the_time, created_ahead_of_its_time,
                           by_the_zones_clocks, timers_of_several_nodes, what_comes_after_is_judged, missed, resting, not_all_is_well,
                           by_hand_before_the_timer, refused, asked_again },
                bag { for_newcomers_who_have_watched, each_code_to_one_person, more_codes, called_off, codes_of_other_bags,
                      refused },
                amend { more_stock, less_stock, more_budget, longer, refused },
                coupons { reserved_with_an_order_then_used, given_back_with_its_order, late_payments_and_coupons,
                          time_ends_coupons, chosen_coupons_have_to_count, a_refusal_for_a_coupon_stays, full_reductions,
                          prices_are_explained, first_come_first_served, drops_are_funded, coupons_among_the_shares,
                          only_for_their_audience, templates_that_make_no_sense, requests_about_coupons_are_repeated,
                          of_the_platform_in_any_room, of_the_platform_given_at_home, of_the_platform_for_its_audience },
                controls { of_every_kind, a_dry_run_tells_and_changes_nothing },
                books { funding_comes_and_goes, no_money_no_rain, refunds_and_proceeds, wallets_are_bounded },
                repeats { a_grant, an_order_whatever_became_of_it, sold_out_stays, a_limit_stays, a_recorded_refusal_stays,
                          not_open_stays, host_requests, payments, top_ups, ids_belong_to_their_user_and_room,
                          what_was_not_done_may_be_asked_again },
                strangers { unknown_ids, other_rooms, other_kinds, other_peoples_orders, bounds_of_a_room, rooms_exist_once }
            );
        }
    };
    (@cases $keeper:expr; $($subject:ident { $($case:ident),* }),*) => {
        $(mod $subject {
            $(#[test]
            fn $case() {
                #[allow(clippy::redundant_closure_call, reason = "the expression is a closure, to be called per case")]
                $crate::conformance::$subject::$case(&|bounds| ($keeper)(bounds));
            })*
        })*
    };
}

suite!(memory, liveroom::store::MemoryKeeper::new);
suite!(embedded, crate::stage::Durable::new);
suite!(redis, crate::redis::OnRedis::new);
suite!(striped, crate::redis::OnRedis::striped);
