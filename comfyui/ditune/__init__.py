# SPDX-License-Identifier: Apache-2.0
"""ComfyUI runs INT8 models on ditune: copy this folder to ComfyUI/custom_nodes. It adds no nodes."""

import logging

NODE_CLASS_MAPPINGS: dict[str, type] = {}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {}
__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]


def _start() -> None:
    """Registers the backend. ComfyUI starts without it too, whatever is wrong, so nothing is raised."""
    try:
        import comfy_kitchen  # noqa: F401
    except ImportError:
        logging.warning("ditune: not in use: comfy-kitchen is not installed (pip install comfy-kitchen)")
        return
    try:
        import ditune.comfy
    except ImportError as error:
        if error.name == "ditune":
            logging.warning("ditune: not in use: it is not installed (pip install . in a clone of ditune)")
        else:
            logging.warning("ditune: not in use: %s (install ditune and comfy-kitchen anew)", error)
    except Exception as error:
        logging.warning("ditune: not in use: %s", error)
    else:
        logging.info("ditune: INT8 layers run on ditune (%s)", ", ".join(ditune.comfy.capabilities()))


_start()
