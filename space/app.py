"""`scalor app` on a Hugging Face Space: smaller videos and shorter trainings than on a machine of one's own."""

from scalor.app.page import Limits
from scalor.app.serve import serve

serve(
    host="0.0.0.0",
    port=7860,
    limits=Limits(megabytes=50, learn_minutes=5.0, other_minutes=10.0),
    browser=False,
)
