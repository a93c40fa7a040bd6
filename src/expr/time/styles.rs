//! The names of `System.Globalization.DateTimeStyles`.

/// How `FormatDateTime` reads; the default is `RoundtripKind` with blanks allowed at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) struct Styles {
    pub leading_white: bool,
    pub trailing_white: bool,
    pub inner_white: bool,
    pub no_current_date: bool,
    pub adjust_to_universal: bool,
    pub assume_local: bool,
    pub assume_universal: bool,
    pub roundtrip_kind: bool,
}

impl Styles {
    const NONE: Self = Self {
        leading_white: false,
        trailing_white: false,
        inner_white: false,
        no_current_date: false,
        adjust_to_universal: false,
        assume_local: false,
        assume_universal: false,
        roundtrip_kind: false,
    };

    pub const DEFAULT: Self = Self { leading_white: true, trailing_white: true, roundtrip_kind: true, ..Self::NONE };

    /// Reads one name or several joined by commas; the error says what is wrong.
    pub fn of(names: &str) -> Result<Self, String> {
        let mut styles = Self::NONE;
        for name in names.split(',') {
            match name.trim() {
                "None" => {}
                "AllowLeadingWhite" => styles.leading_white = true,
                "AllowTrailingWhite" => styles.trailing_white = true,
                "AllowInnerWhite" => styles.inner_white = true,
                "AllowWhiteSpaces" => {
                    (styles.leading_white, styles.trailing_white, styles.inner_white) = (true, true, true);
                }
                "NoCurrentDateDefault" => styles.no_current_date = true,
                "AdjustToUniversal" => styles.adjust_to_universal = true,
                "AssumeLocal" => styles.assume_local = true,
                "AssumeUniversal" => styles.assume_universal = true,
                "RoundtripKind" => styles.roundtrip_kind = true,
                _ => {
                    return Err("`dateTimeStyles` holds a name that is no style; known are None, AllowLeadingWhite, \
                                AllowTrailingWhite, AllowInnerWhite, AllowWhiteSpaces, NoCurrentDateDefault, \
                                AdjustToUniversal, AssumeLocal, AssumeUniversal and RoundtripKind"
                        .to_owned());
                }
            }
        }
        if styles.assume_local && styles.assume_universal {
            return Err("`dateTimeStyles` joins AssumeLocal and AssumeUniversal, which exclude each other".to_owned());
        }
        if styles.roundtrip_kind && (styles.assume_local || styles.assume_universal || styles.adjust_to_universal) {
            return Err("`dateTimeStyles` joins RoundtripKind with a style that excludes it (AssumeLocal, \
                        AssumeUniversal, AdjustToUniversal)"
                .to_owned());
        }
        Ok(styles)
    }
}
