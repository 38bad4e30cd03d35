//! Reads the protocol's notations from the front of a body. Every length is checked before it is used.

use crate::error::ProxyError;

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ProxyError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(ProxyError::Malformed("a body ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProxyError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, ProxyError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn short(&mut self) -> Result<u16, ProxyError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn int(&mut self) -> Result<i32, ProxyError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A count or length that must not be negative.
    pub(crate) fn count(&mut self) -> Result<usize, ProxyError> {
        usize::try_from(self.int()?).map_err(|_| ProxyError::Malformed("a negative length"))
    }

    /// `[short bytes]`, and the bytes of a `[string]`.
    pub(crate) fn short_bytes(&mut self) -> Result<&'a [u8], ProxyError> {
        let length = self.short()?;
        self.take(length.into())
    }

    /// `[long string]`; what is not UTF-8 matches no rule and is no error here.
    pub(crate) fn long_string(&mut self) -> Result<String, ProxyError> {
        let length = self.count()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// `[bytes]` or `[value]`: `None` is null or not set.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, ProxyError> {
        match usize::try_from(self.int()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Goes past a `[string list]`.
    pub(crate) fn skip_strings(&mut self) -> Result<(), ProxyError> {
        for _ in 0..self.short()? {
            self.short_bytes()?;
        }
        Ok(())
    }

    /// Goes past a `[bytes map]`.
    pub(crate) fn skip_bytes_map(&mut self) -> Result<(), ProxyError> {
        for _ in 0..self.short()? {
            self.short_bytes()?;
            self.value()?;
        }
        Ok(())
    }
}
