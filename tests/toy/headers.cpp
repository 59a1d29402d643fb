// SPDX-License-Identifier: Apache-2.0
// Nothing: toy.cmake precompiles headers for it.
