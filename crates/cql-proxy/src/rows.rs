//! Rewrites the two answers by which a driver learns where else it could go.

use std::net::IpAddr;

use crate::bytes::Reader;
use crate::error::ProxyError;
use crate::frame::{Frame, Opcode};
use crate::request::Request;

const ROWS: i32 = 2;
const GLOBAL_TABLE: i32 = 0x01;
const MORE_PAGES: i32 = 0x02;
const NO_METADATA: i32 = 0x04;

/// Which of the two a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    /// `system.peers`: answered without rows.
    Peers,
    /// `system.local`: `rpc_address` becomes the proxy's.
    Local,
}

impl Topology {
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if request.names(" system.peers") {
            Some(Self::Peers)
        } else if request.names(" system.local") {
            Some(Self::Local)
        } else {
            None
        }
    }

    /// The answer to give; one that is no rows, or rows without their columns' names, stays as it is.
    pub(crate) fn rewrite(self, answer: Frame, proxy: IpAddr) -> Result<Frame, ProxyError> {
        if answer.opcode != Opcode::Result {
            return Ok(answer);
        }
        let all = answer.content()?;
        let mut content = all;
        if content.int()? != ROWS {
            return Ok(answer);
        }
        let Some(columns) = columns(&mut content)? else {
            tracing::warn!("rows of the topology without their columns: passed on as they are");
            return Ok(answer);
        };
        let mut rewritten = all.0[..all.0.len() - content.0.len()].to_vec();
        match self {
            Self::Peers => rewritten.extend(0_i32.to_be_bytes()),
            Self::Local => readdress(&mut content, &columns, proxy, &mut rewritten)?,
        }
        answer.with_content(&rewritten)
    }
}

/// Copies the rows with another `rpc_address`.
fn readdress(
    content: &mut Reader<'_>,
    columns: &[&[u8]],
    proxy: IpAddr,
    to: &mut Vec<u8>,
) -> Result<(), ProxyError> {
    let address = match proxy {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let rows = content.int()?;
    to.extend(rows.to_be_bytes());
    for _ in 0..rows {
        for name in columns {
            let cell = content.value()?;
            let cell = if *name == b"rpc_address" { Some(&address[..]) } else { cell };
            let length = cell.map_or(Ok(-1), |cell| i32::try_from(cell.len()));
            to.extend(length.map_err(|_| ProxyError::Malformed("a cell above 2 GiB"))?.to_be_bytes());
            to.extend(cell.unwrap_or_default());
        }
    }
    Ok(())
}

/// The columns' names; afterwards the number of rows is next.
fn columns<'a>(content: &mut Reader<'a>) -> Result<Option<Vec<&'a [u8]>>, ProxyError> {
    let flags = content.int()?;
    let count = content.count()?;
    if flags & MORE_PAGES != 0 {
        content.value()?;
    }
    if flags & NO_METADATA != 0 {
        return Ok(None);
    }
    if flags & GLOBAL_TABLE != 0 {
        content.short_bytes()?;
        content.short_bytes()?;
    }
    let mut names = Vec::new();
    for _ in 0..count {
        if flags & GLOBAL_TABLE == 0 {
            content.short_bytes()?;
            content.short_bytes()?;
        }
        names.push(content.short_bytes()?);
        skip_type(content, 0)?;
    }
    Ok(Some(names))
}

/// Goes past a type; those of collections, tuples and users hold others.
fn skip_type(content: &mut Reader<'_>, depth: usize) -> Result<(), ProxyError> {
    const DEEPEST: usize = 32;
    if depth > DEEPEST {
        return Err(ProxyError::Malformed("a type too deep"));
    }
    match content.short()? {
        0x0000 => content.short_bytes().map(|_| ()),
        0x0020 | 0x0022 => skip_type(content, depth + 1),
        0x0021 => {
            skip_type(content, depth + 1)?;
            skip_type(content, depth + 1)
        }
        0x0030 => {
            content.short_bytes()?;
            content.short_bytes()?;
            for _ in 0..content.short()? {
                content.short_bytes()?;
                skip_type(content, depth + 1)?;
            }
            Ok(())
        }
        0x0031 => {
            for _ in 0..content.short()? {
                skip_type(content, depth + 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "rows/tests.rs"]
mod tests;
