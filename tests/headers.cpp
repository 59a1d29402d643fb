// SPDX-License-Identifier: Apache-2.0
// Nothing: headers are precompiled for it, which other targets use, too.
