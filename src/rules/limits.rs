//! How often one user may win.

use serde::{Deserialize, Serialize};

use super::{Refusal, RefusalCode, Time};

/// Limits that reach beyond one activity. (The limit within an activity belongs to its kind.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Wins per user in the room on one day of the room's time zone.
    pub per_room_day: Option<u32>,
    /// Wins per user in the room within a moving window.
    pub win_cap: Option<WinCap>,
}

/// At most `wins` in any `window_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WinCap {
    /// Wins allowed.
    pub wins: u32,
    /// Length of the window, ms.
    pub window_ms: u64,
}

impl Limits {
    /// The largest number of wins that a limit may name.
    pub const WINS_MAX: u32 = 1_000;

    /// Whether there is anything to check.
    pub const fn is_none(&self) -> bool {
        self.per_room_day.is_none() && self.win_cap.is_none()
    }

    /// How long a win has to be remembered, ms.
    pub fn looks_back_ms(&self) -> u64 {
        let day_ms = self.per_room_day.map_or(0, |_| 86_400_000);
        self.win_cap.map_or(0, |cap| cap.window_ms).max(day_ms)
    }

    /// Whether another win at `now` is within the limits, after those at `wins`.
    pub fn allow<I>(&self, wins: impl Fn() -> I, now: Time, utc_offset_min: i32) -> Result<(), Refusal>
    where
        I: Iterator<Item = Time>,
    {
        if let Some(limit) = self.per_room_day {
            let today = now.day(utc_offset_min);
            let have = wins().filter(|at| at.day(utc_offset_min) == today).count() as u32;
            if have >= limit {
                return Err(Refusal { code: RefusalCode::RoomDayLimit, have, limit });
            }
        }
        if let Some(WinCap { wins: limit, window_ms }) = self.win_cap {
            let since = now.before_ms(window_ms);
            let have = wins().filter(|at| *at > since).count() as u32;
            if have >= limit {
                return Err(Refusal { code: RefusalCode::WinCap, have, limit });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wins_count_by_day_and_by_window() {
        let at = |hour: i64| Time::from_ms(hour * 3_600_000);
        // 15:00 and 17:00 UTC: in Shanghai (UTC+8) that is 23:00 and 01:00 of the next day.
        let wins = || [at(15), at(17)].into_iter();
        let day = |limit| Limits { per_room_day: Some(limit), win_cap: None };
        let cap = |wins, hours: u64| Limits {
            per_room_day: None,
            win_cap: Some(WinCap { wins, window_ms: hours * 3_600_000 }),
        };
        for (limits, hour, offset_min, want) in [
            (Limits::default(), 18, 0, None),
            (day(2), 18, 0, Some((RefusalCode::RoomDayLimit, 2, 2))),
            (day(3), 18, 0, None),
            (day(2), 18, 480, None),
            (day(1), 18, 480, Some((RefusalCode::RoomDayLimit, 1, 1))),
            (day(2), 24, 0, None),
            (cap(2, 4), 18, 0, Some((RefusalCode::WinCap, 2, 2))),
            (cap(2, 3), 18, 0, None),
            (cap(1, 2), 18, 0, Some((RefusalCode::WinCap, 1, 1))),
        ] {
            let got = limits.allow(wins, at(hour), offset_min).err().map(|r| (r.code, r.have, r.limit));
            assert_eq!(got, want, "{limits:?} at {hour}");
        }
    }
}
