//! Why a connection ends.

/// The close codes; each says "come back" or "stay away".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client asked for it.
    Normal,
    /// The server goes away: come back.
    GoingAway,
    /// No token, or one that is not accepted: stay away until you have another.
    Unauthenticated,
    /// The token's time is over: come back with a new one.
    TokenExpired,
    /// A newer connection of the same device took over: stay away.
    Replaced,
    /// The client reads too slowly: come back and sync.
    Lagging,
    /// The frames are wrong: stay away.
    ProtocolViolation,
    /// Too many connections: come back later.
    TooMany,
}

impl CloseCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::Normal,
        Self::GoingAway,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::Replaced,
        Self::Lagging,
        Self::ProtocolViolation,
        Self::TooMany,
    ];

    /// The number in the close frame.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 4000,
            Self::Unauthenticated => 4001,
            Self::TokenExpired => 4002,
            Self::Replaced => 4003,
            Self::Lagging => 4008,
            Self::ProtocolViolation => 4009,
            Self::TooMany => 4029,
        }
    }

    /// What it says to a client, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Normal => "The client asked for it.",
            Self::GoingAway => "The server goes away: come back.",
            Self::Unauthenticated => {
                "No token, or one that is not accepted: stay away until you have another."
            }
            Self::TokenExpired => "The token's time is over: come back with a new one.",
            Self::Replaced => "A newer connection of the same device took over: stay away.",
            Self::Lagging => "You read too slowly: come back and sync.",
            Self::ProtocolViolation => "The frames are wrong: stay away.",
            Self::TooMany => "Too many connections: come back later.",
        }
    }

    /// The code of a number, if it is one of ours.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// Whether a client should come back by itself.
    pub fn come_back(self) -> bool {
        matches!(self, Self::GoingAway | Self::TokenExpired | Self::Lagging | Self::TooMany)
    }
}
