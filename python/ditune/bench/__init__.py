# SPDX-License-Identifier: Apache-2.0
"""One denoising step of a diffusion transformer by ditune and by its peers: `python -m ditune.bench MODEL`."""
