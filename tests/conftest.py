"""What all tests share."""

import torch

# Small tensors are fastest on one thread, and threads that wait spin against whatever else the machine does.
torch.set_num_threads(1)
