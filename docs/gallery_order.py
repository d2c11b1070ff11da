"""The order in which the gallery tells its story."""

STORY = [
    "plot_digits.py",
    "plot_latent_faults.py",
    "plot_variational_answer.py",
    "plot_generate_classes.py",
    "plot_interpolation.py",
    "plot_denoising.py",
    "plot_anomaly_detection.py",
    "plot_grid_search.py",
    "plot_tabular.py",
    "plot_compare_embeddings.py",
    "plot_own_networks.py",
    "mnist.py",
]


class StoryOrder:
    """Sort key of sphinx-gallery: a file's place in the story. Every example must have one."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __repr__(self):
        return "<StoryOrder>"

    def __call__(self, filename):
        """Place of a file in the story."""
        return STORY.index(str(filename))
