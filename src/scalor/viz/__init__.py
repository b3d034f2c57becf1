"""Floor 4: pictures, videos, tables and reports for people. Images are numpy uint8 [H, W, 3] RGB throughout."""
