//! One list makes the enum, the list of kinds and the parser, so none can forget a frame.

/// Declares the frames of one direction.
macro_rules! frames {
    ($(#[$meta:meta])* $name:ident, $kind:ident { $($(#[$doc:meta])* $tag:literal $variant:ident($body:ty)),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[serde(tag = "type")]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $tag)] $variant($body),)+
        }

        /// The kinds of frame there are, for tables that must not miss one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $($(#[$doc])* $variant,)+
        }

        impl $kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The `type` in JSON.
            pub fn tag(self) -> &'static str {
                match self { $(Self::$variant => $tag,)+ }
            }
        }

        impl $name {
            /// Which kind of frame this is.
            pub fn kind(&self) -> $kind {
                match self { $(Self::$variant(_) => $kind::$variant,)+ }
            }

            /// Reads one frame.
            ///
            /// # Errors
            /// [`FrameError`](crate::frame::FrameError) says what is wrong and where.
            pub fn parse(json: &str) -> Result<Self, crate::frame::FrameError> {
                let kind = crate::frame::head(json)?;
                match kind.as_ref() {
                    $($tag => serde_json::from_str::<$body>(json).map(Self::$variant),)+
                    other => return Err(crate::frame::FrameError::UnknownType(other.chars().take(64).collect())),
                }
                .map_err(|source| crate::frame::FrameError::Invalid { kind: Some(kind.into_owned()), source })
            }

            /// The frame as JSON.
            pub fn to_json(&self) -> String {
                serde_json::to_string(self).expect("frames have text keys and finite numbers, so they always serialize")
            }
        }
    };
}

pub(super) use frames;
