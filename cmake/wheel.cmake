# SPDX-License-Identifier: Apache-2.0
# What the Python package ditune has of this build. pyproject.toml adds python/ditune.
set_property(TARGET ditune_c PROPERTY VERSION)  # a wheel has no symbolic links: one file, and one name
set_property(TARGET ditune_c PROPERTY SOVERSION)
install(TARGETS ditune RUNTIME DESTINATION bin)
install(TARGETS ditune_c LIBRARY DESTINATION lib)
